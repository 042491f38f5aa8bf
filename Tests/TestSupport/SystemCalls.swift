import Glibc

func errorText(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
}

/// Milliseconds of the monotonic clock: deadlines must not move when somebody sets the time.
func monotonicMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
}

/// Waits until a descriptor is readable, has ended or `deadline` has passed (then false).
func waitReadable(_ descriptor: Int32, until deadline: Int64) -> Bool {
    while true {
        let rest = deadline - monotonicMilliseconds()
        if rest <= 0 { return false }
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let ready = poll(&entry, 1, Int32(clamping: rest))
        if ready > 0 { return true }
        if ready < 0 && errno != EINTR { return true }
    }
}

/// Waits until `descriptor` is readable (true), or one of the readers has something to take, or
/// `deadline` has passed (false).
func isReadable(_ descriptor: Int32, orWaitFor readers: [LineReader], until deadline: Int64) -> Bool {
    var entries = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
    // One that has ended is readable for ever.
    for reader in readers where !reader.hasEnded {
        entries.append(pollfd(fd: reader.descriptor, events: Int16(POLLIN), revents: 0))
    }
    let rest = max(0, deadline - monotonicMilliseconds())
    return poll(&entries, nfds_t(entries.count), Int32(clamping: rest)) > 0 && entries[0].revents != 0
}
