import MemoryModel

/// Whether one alert about one process is on.
///
/// It goes on once what it is about has held for its span, and off once the opposite has: a size that trembles about its
/// threshold makes one alert and not a hundred.
struct AlertState: Hashable, Sendable {
    enum Reading: Hashable, Sendable {
        /// It holds.
        case met
        /// It does not hold, and is not far from it: nothing changes.
        case between
        /// It is well over.
        case over
        /// Nothing is known.
        case unknown
    }

    enum Change: Hashable, Sendable {
        case fired
        case cleared
    }

    private(set) var isFired = false
    /// Since when the reading speaks for a change.
    private var since: Timestamp?

    init(isFired: Bool = false) { self.isFired = isFired }

    /// Not longer than this until it is off, however long it took to be on.
    private static let longestClearing: Int64 = 60_000_000

    /// True where there is nothing to remember.
    var isIdle: Bool { !isFired && since == nil }

    /// - Parameter span: for how long it must hold, in microseconds.
    mutating func take(_ reading: Reading, at time: Timestamp, span: Int64) -> Change? {
        let speaksForChange = isFired ? reading == .over : reading == .met
        guard speaksForChange else {
            // What is not known speaks neither for nor against.
            if reading != .unknown { since = nil }
            return nil
        }
        // A clock that was set back begins anew.
        let begin = since.map { min($0, time) } ?? time
        since = begin
        let needed = isFired ? min(span, Self.longestClearing) : span
        guard time.microseconds &- begin.microseconds >= needed else { return nil }
        since = nil
        isFired.toggle()
        return isFired ? .fired : .cleared
    }
}
