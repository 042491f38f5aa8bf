import KernelEvents

/// Where a target's kernel records come from.
struct KernelFeed: Sendable {
    let source: KernelEventSource
    let queue: KernelEventQueue

    /// True if there is something to take; what still lies in the rings does not count.
    var hasRecords: Bool { queue.hasRecords }

    func setFollowsChildren(_ follows: Bool) {
        source.setFollowsChildren(pid: queue.pid, follows)
    }

    /// Everything that happened until now, in order. The rings are emptied first, so that no record
    /// comes later whose effect a look made before this call has shown.
    func take() -> TakenRecords {
        source.drain()
        return queue.take()
    }
}

/// How a target's changes become known, and why not better.
package enum EventMode: Hashable, Sendable {
    case perf
    /// By comparing looks only; the reason is one clear line.
    case sampling(reason: String)

    /// `perf` or `sampling`, as users see it.
    package var name: String { self == .perf ? "perf" : "sampling" }

    package var reason: String? {
        if case .sampling(let reason) = self { return reason }
        return nil
    }
}
