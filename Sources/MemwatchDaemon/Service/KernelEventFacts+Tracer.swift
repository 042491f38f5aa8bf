import Tracing

extension KernelEventFacts {
    /// As they are now.
    init(_ tracer: Tracer) async {
        self.init()
        let state = tracer.kernelState
        let standing = await tracer.standing
        if state.reason == nil {
            eventSource =
                standing.sampled == 0 ? "perf" : standing.sampled == standing.targets ? "sampling" : "mixed"
        }
        reason = state.reason ?? standing.reason
        summarisedTargets = UInt64(clamping: standing.summarised)
        forksDropped = UInt64(clamping: tracer.counts.droppedChildren)
        kernelRecords = state.records
        recordsLost = state.recordsLost
        gaps = state.gaps
        forksDropped &+= state.forksDropped
    }
}
