import KernelEvents
import MemoryModel
import ProcFS

// Processes that followed targets fork: opened at once, and handed on to whoever decides about targets.
extension Tracer {
    /// New processes, opened before anything else is done: many live for a few milliseconds only.
    func openChildren() async -> [(KernelEventQueue, Candidate?)] {
        let queues = kernel.takeChildren()
        if queues.isEmpty { return [] }
        return await run(on: helpers) { [root, kernel] in
            let opened = queues.map { ($0, try? Self.open($0.pid, in: root)) }
            // The number may have passed to another process before it was opened. Then that one's fork has
            // been reported by now, and has closed the queue.
            kernel.drain()
            return opened.map { queue, candidate in (queue, queue.isClosed ? nil : candidate) }
        }
    }

    /// Hands a new process on.
    func tellChild(_ queue: KernelEventQueue, _ candidate: Candidate?, _ tick: Tick) {
        guard let parentPID = queue.parent else { return }
        let forkedAt = queue.forkedAt ?? tick.monotonic.microseconds &* 1_000
        let child = NewChild(
            pid: queue.pid, parentPID: parentPID, forkedAt: forkedAt,
            forked: tick.time(of: MonotonicTime(nanoseconds: forkedAt)), queue: queue, candidate: candidate)
        if case .dropped = childFeed.yield(child) {
            kernel.forget(queue)
            counters.add(\.droppedChildren)
        }
    }

    /// Finds out who forked a process, and what it has of it. Children come in the order of their forks, so
    /// that a parent which is a new child itself has been taken up before.
    package func withParent(_ child: NewChild) -> NewChild {
        var child = child
        let living = targetOfPID[child.parentPID].flatMap { targets[$0] }?.departed
        let parent = living ?? departed.last { $0.snapshot.description.identity.pid == child.parentPID }
        child.parent = parent?.snapshot
        child.memory = parent?.memory(of: child.pid, forkedAt: child.forkedAt)
        return child
    }

    func remember(_ parent: DepartedParent) {
        departed.append(parent)
        if departed.count > 64 { departed.removeFirst(departed.count - 64) }
    }

    /// Leaves a child alone.
    ///
    /// - Parameter isLost: it should have been followed, but cannot be; it is counted.
    package func refuse(_ child: NewChild, isLost: Bool) {
        kernel.forget(child.queue)
        if isLost { counters.add(\.droppedChildren) }
    }
}
