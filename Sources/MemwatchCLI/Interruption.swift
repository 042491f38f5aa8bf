import CLinux
import Glibc
import Synchronization

/// Ctrl-C, SIGTERM, or the reader of our output gone: ends work that would go on for ever.
///
/// Threads wait for them, because `events --follow | head` must end when `head` has, and not
/// when the next event happens to be written.
final class Interruption: Sendable {
    private let requested = Atomic(false)

    var isRequested: Bool { requested.load(ordering: .acquiring) }

    /// Takes the signals from this thread and from every one that is started later, so that they
    /// wait for ``watch(_:)``.
    init() {
        var set = Self.signals
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    private static var signals: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        return set
    }

    /// Calls `end`, which must end the work from another thread, at the first of them and perhaps again.
    /// A second signal ends the program, whatever it hangs on.
    func watch(_ end: @escaping @Sendable () -> Void) {
        DetachedThread.start { [self] in
            var set = Self.signals
            var number: Int32 = 0
            sigwait(&set, &number)
            requested.store(true, ordering: .releasing)
            end()
            pthread_sigmask(SIG_UNBLOCK, &set, nil)
            while true { pause() }
        }
        DetachedThread.start { [self] in
            // No event is asked for: POLLERR (a pipe without reader) and POLLHUP (a terminal that
            // was closed) come anyway.
            var output = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
            while poll(&output, 1, -1) < 0, errno == EINTR {}
            requested.store(true, ordering: .releasing)
            end()
        }
    }
}

/// A thread that ends with the program. For calls that block for ever, which have no place on
/// the few threads of the concurrency runtime.
enum DetachedThread {
    static func start(_ body: @escaping @Sendable () -> Void) {
        let work = Unmanaged.passRetained(Work(body))
        var id = pthread_t()
        let status = pthread_create(
            &id, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        // Without its threads the program still works; it only ends later or less quietly.
        if status == 0 { pthread_detach(id) } else { work.release() }
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
