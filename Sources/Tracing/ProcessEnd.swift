import KernelEvents
import MemoryModel

// What is told of a process's end, the same whether or not it was ever looked at.

extension MemoryEvent {
    /// At the end of its first thread where the kernel reported that, else at or before the tick; but not
    /// before what was told last: threads that outlive the first one go on mapping until the process ends
    /// with them.
    static func exit(
        of process: ProcessDescription, size: UInt64?, leader: KernelRecord?, after last: Timestamp?,
        _ tick: Tick
    ) -> MemoryEvent {
        var exit = MemoryEvent(
            time: tick.time, pid: process.identity.pid, comm: process.comm, type: .exit)
        if let leader {
            exit.time = tick.time(of: MonotonicTime(nanoseconds: leader.nanoseconds))
            exit.source = .perf
            exit.tid = leader.tid
        }
        if let last { exit.time = max(exit.time, last) }
        exit.size = size
        return exit
    }
}

extension PostMortem {
    /// - Parameter exit: the event that ``MemoryEvent/exit(of:size:leader:after:_:)`` made.
    init(
        of process: ProcessDescription, _ exit: MemoryEvent, _ ledger: Ledger, _ paths: PathTable,
        lastGrowth: MemoryEvent?
    ) {
        self.init(pid: exit.pid, comm: exit.comm, unit: process.unit, time: exit.time)
        vmSizeBytes = exit.size
        if !ledger.map.isEmpty { setRegions(ledger.regions, paths: paths) }
        self.lastGrowth = lastGrowth
    }
}

extension [MemoryEvent] {
    /// The last that added memory.
    var lastGrowth: MemoryEvent? { last { ($0.delta ?? 0) > 0 } }
}

extension KernelRecord {
    var isLeaderExit: Bool {
        if case .exit(true) = content { return true }
        return false
    }
}
