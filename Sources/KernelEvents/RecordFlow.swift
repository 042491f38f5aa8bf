/// Whether the mapping records of one scope are worth what they cost.
///
/// Each costs the process that makes the call about a microsecond, however fast they are read. At 10,000 calls
/// a second that is 1 % of its time; a process that makes many more would be slowed down by being watched. So
/// while one does, the mapping records of the scope are switched off, and its targets are watched as if the
/// kernel reported no mappings: by looks. Every so often they are switched on for a moment, only to count them.
///
/// All records of a scope are on or off together, because the kernel leaves nobody out. What other targets
/// lose is the exact time and thread of their mappings until it is quiet again.
///
/// Counts each process by itself: a hundred processes of a compiling machine that make a thousand calls a second
/// each lose 0.1 % each. A pure value: opens nothing, reads no clock.
struct RecordFlow {
    /// So many records a second of one process are worth it, if nobody says otherwise.
    static let usuallyAllowedPerSecond: Int64 = 10_000
    /// Those that are here; and as many more at once: a program that starts, or makes its threads.
    private let allowedPerSecond: Int64
    /// Between two moments of counting, and how long one lasts.
    static let pause: Int64 = 1_000_000_000
    static let probe: Int64 = 10_000_000
    /// Quiet is at most half of what is allowed, so many times in a row.
    static let quietProbes = 3
    /// Who is noisy again so soon after must be quiet for twice as long the next time, up to a minute.
    static let relapse: Int64 = 60_000_000_000
    static let mostQuietProbes = 48
    /// Processes counted at a time; beyond, the quiet ones are forgotten.
    private static let limit = 1_024

    enum Phase: Equatable {
        case flowing
        /// Off until then.
        case paused(until: Int64)
        /// On since then, to count.
        case probing(since: Int64)
    }

    enum Step: Equatable {
        /// Switch off, and let nobody take what comes from now on for whole.
        case pause
        /// Switch on to count; what comes is for nobody.
        case probe
        /// Switch off again.
        case pauseAgain
        /// From now on records are handed on again.
        case resume
    }

    private struct Level {
        /// Records above what is allowed.
        var records: Int64
        var time: Int64
    }

    private(set) var phase = Phase.flowing
    private var levels: [Int32: Level] = [:]
    private var highest: Int64 = 0
    private var quiet = 0
    private var neededQuiet = Self.quietProbes
    private var resumedAt: Int64?
    /// Records of before this are handed on, and from ``acceptedFrom`` on.
    private var cutoff = Int64.max
    private var acceptedFrom = Int64.min

    init(allowedPerSecond: Int64 = Self.usuallyAllowedPerSecond) {
        self.allowedPerSecond = max(1_000, min(allowedPerSecond, 1_000_000_000))
    }

    /// Whether a mapping record of that time is handed on.
    func accepts(_ nanoseconds: Int64) -> Bool {
        phase == .flowing ? nanoseconds >= acceptedFrom : nanoseconds < cutoff && nanoseconds >= acceptedFrom
    }

    var isPaused: Bool { phase != .flowing }

    /// So many mapping records of one process have been read.
    mutating func count(_ records: Int, of pid: Int32, at now: Int64) {
        var level = levels[pid] ?? Level(records: 0, time: now)
        if phase == .flowing {
            // Counted in thousandths of a second, so that nothing overflows whatever the clock.
            let elapsed = max(0, min(now &- level.time, 10_000_000_000)) / 1_000_000
            let allowed = elapsed * (allowedPerSecond / 1_000)
            if allowed > 0 {
                level.records = max(0, level.records - allowed)
                level.time = now
            }
        }
        level.records += Int64(clamping: records)
        if levels.count >= Self.limit, levels[pid] == nil {
            levels = levels.filter { $0.value.records > 1_000 }
        }
        if levels.count < Self.limit || levels[pid] != nil { levels[pid] = level }
        highest = max(highest, level.records)
    }

    /// Switching on failed: to be tried again.
    mutating func couldNotProbe(at now: Int64) {
        quiet = 0
        phase = .paused(until: now &+ Self.pause)
    }

    /// Not all threads have events, though they should: switched off, until that has been mended.
    mutating func couldNotCover(at now: Int64) {
        cutoff = now
        couldNotProbe(at: now)
    }

    /// What is to be done now; nil for nothing.
    mutating func step(at now: Int64) -> Step? {
        switch phase {
        case .flowing:
            defer { highest = 0 }
            guard highest > allowedPerSecond else { return nil }
            if let resumedAt, now - resumedAt < Self.relapse {
                neededQuiet = min(neededQuiet * 2, Self.mostQuietProbes)
            } else {
                neededQuiet = Self.quietProbes
            }
            cutoff = now
            quiet = 0
            phase = .paused(until: now &+ Self.pause)
            return .pause
        case .paused(let until):
            guard now >= until else { return nil }
            (levels, highest) = ([:], 0)
            phase = .probing(since: now)
            return .probe
        case .probing(let since):
            let elapsed = now &- since
            guard elapsed >= Self.probe else { return nil }
            let half = allowedPerSecond * min(elapsed, 1_000_000_000) / 2_000_000_000
            quiet = highest <= half ? quiet + 1 : 0
            (levels, highest) = ([:], 0)
            if quiet >= neededQuiet {
                phase = .flowing
                acceptedFrom = now
                resumedAt = now
                return .resume
            }
            phase = .paused(until: now &+ Self.pause)
            return .pauseAgain
        }
    }
}
