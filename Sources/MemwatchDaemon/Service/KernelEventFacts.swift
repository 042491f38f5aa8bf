/// What `Status` says of where events come from. The tracer's side fills it; the defaults are those of a
/// daemon that only samples.
package struct KernelEventFacts: Hashable, Sendable {
    /// `perf`, `sampling`, or `mixed` where some targets have the one and some the other.
    package var eventSource = "sampling"
    /// Why it is not `perf` for every target; nil where it is.
    package var reason: String?
    /// Records read from the kernel's rings since the start.
    package var kernelRecords: UInt64 = 0
    /// Records the kernel dropped because a ring was full (`PERF_FORMAT_LOST`).
    package var recordsLost: UInt64 = 0
    /// Gap events written because of that.
    package var gaps: UInt64 = 0
    /// Forks whose children could not be taken up, because there were too many.
    package var forksDropped: UInt64 = 0
    /// Targets that change too fast now for an event each, so that they are summarised per tick.
    package var summarisedTargets: UInt64 = 0

    package init() {}
}
