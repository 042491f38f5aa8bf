import CSystemd
import Glibc

/// An eventfd that one thread sets and another waits for. Never blocks the setter.
struct WakeEvent: Sendable {
    /// -1 where the process has no descriptor left; then a wait only sleeps until its time is up.
    private let descriptor: CInt

    init() { descriptor = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK)) }

    func set() {
        var one: UInt64 = 1
        // EAGAIN means 2^64 − 2 settings are waiting to be seen: it is set.
        _ = Glibc.write(descriptor, &one, 8)
    }

    func reset() {
        var count: UInt64 = 0
        _ = Glibc.read(descriptor, &count, 8)
    }

    /// Waits until it is set or `deadline` (monotonic nanoseconds) has passed; nil waits for ever.
    func wait(until deadline: UInt64?) -> Bool {
        while true {
            var timeout: CInt = -1
            if let deadline {
                let now = MonotonicClock.nanoseconds
                let left = deadline > now ? (deadline - now) / 1_000_000 : 0
                // Rounded up, so that waking early does not spin.
                timeout = CInt(clamping: deadline > now ? left &+ 1 : 0)
            } else if descriptor < 0 {
                timeout = 100
            }
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&poller, 1, timeout)
            if ready > 0 { return true }
            if ready == 0 { return false }
            if errno != EINTR { return false }
        }
    }

    func close() { if descriptor >= 0 { _ = Glibc.close(descriptor) } }
}
