import MemoryModel

/// A stretch of a process's events, for finding them: one row of `event_run`.
///
/// Events lie in the order of writing, those of all processes together. An index entry for each would
/// take half the time and a third of the room of the event itself; so only the first of a stretch has one, and
/// promises: these ids hold the process's events, each within a minute after this one.
struct EventRun: Equatable {
    /// How many ids a run covers from its first on. Most belong to other processes; reading a run skips them.
    static let ids: Int64 = 256
    /// How much later than the first the last event of a run can be.
    static let microseconds: Int64 = 60_000_000

    /// Wall-clock time of the first event.
    var time: Int64
    var first: Int64
    /// The last id that is covered.
    var last: Int64

    init(from id: Int64, time: Int64) {
        self.time = time
        first = id
        last = id.addingSaturating(Self.ids - 1)
    }

    init(time: Int64, first: Int64, ids: Int64) {
        self.time = time
        self.first = first
        last = first.addingSaturating(ids.subtractingSaturating(1))
    }

    /// Where the clock stepped back, or has gone on for longer, another run begins.
    func admits(id: Int64, time: Int64) -> Bool {
        id <= last && time >= self.time && time.subtractingSaturating(self.time) <= Self.microseconds
    }
}
