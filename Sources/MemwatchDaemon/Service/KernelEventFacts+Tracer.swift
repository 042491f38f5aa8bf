import Tracing

extension KernelEventFacts {
    /// As they are now.
    init(_ tracer: Tracer) async {
        self.init()
        let state = tracer.kernelState
        let snapshots = await tracer.snapshots
        let sampled = snapshots.filter { $0.eventMode != .perf }
        if state.reason == nil {
            eventSource = sampled.isEmpty ? "perf" : sampled.count == snapshots.count ? "sampling" : "mixed"
        }
        reason = state.reason ?? sampled.lazy.compactMap(\.eventMode.reason).first
        summarisedTargets = UInt64(snapshots.count(where: \.isSummarised))
        forksDropped = UInt64(clamping: tracer.counts.droppedChildren)
        kernelRecords = state.records
        recordsLost = state.recordsLost
        gaps = state.gaps
        forksDropped &+= state.forksDropped
    }
}
