/// What a ``KernelEventSource`` has done since it was made.
package struct KernelEventStatistics: Hashable, Sendable {
    /// Records read from the rings, whoever they were of.
    package var recordsRead: UInt64 = 0
    /// Records handed to a queue.
    package var recordsQueued: UInt64 = 0
    /// Records that the kernel could not write because a ring was full, as far as it counted them.
    package var recordsLost: UInt64 = 0
    /// Times that something was lost, was switched off or on, or had not been observed.
    package var gaps: UInt64 = 0
    /// Times that mapping records were switched off because a process made too many.
    package var pauses: UInt64 = 0
    /// Times that threads were found which should have inherited events and had not.
    package var threadsMissed: UInt64 = 0
    /// Records for which a queue had no room, so that only their sum was kept.
    package var recordsSummarised: UInt64 = 0
    /// Records of watched processes that came from another scope than the assigned one, or while mapping
    /// records were switched off.
    package var recordsIgnored: UInt64 = 0
    /// Rings whose contents made no sense, so that they were thrown away.
    package var ringsDamaged: UInt64 = 0
    /// Children that should have been followed, but too many waited to be taken.
    package var forksDropped: UInt64 = 0
    /// Execs of processes nobody watches that were too many to report.
    package var execsDropped: UInt64 = 0
    /// How often the drain thread woke up, and how many of these were because a ring was a quarter full.
    package var wakeups: UInt64 = 0
    package var earlyWakeups: UInt64 = 0

    /// One ring for each CPU.
    package var rings = 0
    /// Of one ring.
    package var ringBytes = 0
    package var scopesOpen = 0
    /// Descriptors of perf events, those of the rings included.
    package var eventsOpen = 0
    package var processesWatched = 0
    /// What the queues hold now.
    package var recordsWaiting = 0
    package var childrenWaiting = 0
    /// New threads and processes that were made while events were opened, and have not shown yet that they
    /// inherited them.
    package var threadsAwaited = 0
}
