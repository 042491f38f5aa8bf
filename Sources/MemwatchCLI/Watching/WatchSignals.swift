import CLinux
import Glibc
import Synchronization

/// What wakes the drawing up: signals, answers of the daemon. Through a pipe, because the drawing waits in poll(2) for
/// keys.
final class WakePipe: Sendable {
    let readEnd: Int32
    private let writeEnd: Int32

    init() throws(Failure) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw Failure(.software, "cannot make a pipe: \(SystemError.text(errno))")
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
    }

    /// A full pipe has wake-ups enough.
    func wake() {
        var byte: UInt8 = 0
        _ = write(writeEnd, &byte, 1)
    }

    func empty() {
        var bytes = [UInt8](repeating: 0, count: 256)
        while read(readEnd, &bytes, bytes.count) > 0 {}
    }
}

/// Signals that `watch` is told of, taken by a thread that waits for them.
final class WatchSignals: Sendable {
    private let ending = Atomic<Int32>(0)
    private let stopped = Atomic(false)
    private let pipe: WakePipe

    private static var taken: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT] { sigaddset(&set, number) }
        return set
    }

    /// Takes the signals from this thread and from every one that is started later.
    init(_ pipe: WakePipe) {
        self.pipe = pipe
        var set = Self.taken
        pthread_sigmask(SIG_BLOCK, &set, nil)
        DetachedThread.start { [self] in wait() }
    }

    /// The signal that asks for the end; nil while none has come.
    var endingSignal: Int32? {
        let number = ending.load(ordering: .acquiring)
        return number == 0 ? nil : number
    }

    /// True once for each SIGTSTP.
    func takeStop() -> Bool { stopped.exchange(false, ordering: .acquiringAndReleasing) }

    private func wait() {
        var set = Self.taken
        while true {
            var number: Int32 = 0
            guard sigwait(&set, &number) == 0 else { continue }
            switch number {
            case SIGTSTP: stopped.store(true, ordering: .releasing)
            // To be woken up is to draw, in the size that there is then.
            case SIGWINCH, SIGCONT: break
            default: ending.store(number, ordering: .releasing)
            }
            pipe.wake()
        }
    }
}
