import CLinux
import Glibc
import MemoryModel
import Synchronization
import SystemPackage

/// The thread that empties the rings.
final class DrainThread: Sendable {
    let rings: [PerfRing]
    private let loop: Loop
    private let thread: pthread_t

    /// Takes over the rings, unless it throws.
    init(rings: [PerfRing], shared: SharedDrain, options: KernelEventSource.Options) throws(Errno) {
        let descriptor = clinux_eventfd()
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        self.rings = rings
        loop = Loop(rings: rings, shared: shared, options: options, wakeDescriptor: descriptor)
        shared.begin(rings)
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(loop)
        let code = pthread_create(
            &thread, nil,
            { raw in
                if let raw { Unmanaged<Loop>.fromOpaque(raw).takeRetainedValue().run() }
                return nil
            }, argument.toOpaque())
        guard code == 0 else {
            argument.release()
            shared.end()
            close(descriptor)
            throw Errno(rawValue: code)
        }
        self.thread = thread
    }

    /// Lets it look at the rings now, or notice that there is something to look for.
    func wake() { loop.wake() }

    /// Ends the thread and waits for that, unless it is the caller. The rings are closed.
    func stop() {
        loop.isStopping.store(true, ordering: .releasing)
        loop.wake()
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
    }

    private final class Loop: Sendable {
        let isStopping = Atomic<Bool>(false)
        private let rings: [PerfRing]
        private let shared: SharedDrain
        private let options: KernelEventSource.Options
        private let wakeDescriptor: Int32

        init(
            rings: [PerfRing], shared: SharedDrain, options: KernelEventSource.Options,
            wakeDescriptor: Int32
        ) {
            self.rings = rings
            self.shared = shared
            self.options = options
            self.wakeDescriptor = wakeDescriptor
        }

        deinit { close(wakeDescriptor) }

        func wake() {
            var one: UInt64 = 1
            _ = write(wakeDescriptor, &one, 8)
        }

        func run() {
            clinux_name_thread("kernel-events")
            defer {
                shared.end()
                for ring in rings { ring.close() }
            }
            var entries = rings.map {
                pollfd(fd: $0.owner.descriptor, events: Int16(POLLIN), revents: 0)
            }
            entries.append(pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0))
            var lastActivity = Int64.min / 2
            while !isStopping.load(ordering: .acquiring) {
                let isEarly = wait(&entries, lastActivity)
                shared.countWakeup(isEarly: isEarly)
                if shared.run(stepping: true) { lastActivity = MonotonicTime.nanoseconds }
            }
        }

        /// - Returns: whether a ring was a quarter full before the time was over.
        private func wait(_ entries: inout [pollfd], _ lastActivity: Int64) -> Bool {
            let timeout: Int32
            let promised = shared.timePromised(from: MonotonicTime.nanoseconds)
            if !shared.isNeeded {
                timeout = -1
            } else if promised > 0 {
                timeout = Int32(clamping: promised / 1_000_000 + 1)
            } else if shared.isProbing {
                timeout = options.probeMilliseconds
            } else if MonotonicTime.nanoseconds - lastActivity < 1_000_000_000 {
                timeout = options.activeMilliseconds
            } else {
                timeout = options.idleMilliseconds
            }
            guard poll(&entries, nfds_t(entries.count), timeout) > 0 else { return false }
            var isEarly = false
            for index in entries.indices where entries[index].revents != 0 {
                if index == entries.count - 1 {
                    var count: UInt64 = 0
                    _ = read(wakeDescriptor, &count, 8)
                } else if entries[index].revents & Int16(POLLIN) != 0 {
                    isEarly = true
                } else {
                    // Its CPU or the event is gone: poll would return at once for ever.
                    entries[index].fd = -1
                }
            }
            return isEarly
        }
    }
}
