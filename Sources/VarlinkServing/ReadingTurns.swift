/// Lets each user have one long call read at a time, in the order they came.
///
/// Reading takes a thread of Swift's pool until its end, and there are as few of these as processors.
struct ReadingTurns {
    /// Those that wait, by user; an entry means that one of the user's calls is being read.
    private var waiting: [UInt32: [() -> Void]] = [:]

    /// True if the user's turn is now; else `start` is what ``leave(_:)`` gives when it comes.
    mutating func enter(_ uid: UInt32, _ start: @escaping () -> Void) -> Bool {
        if waiting[uid]?.append(start) != nil { return false }
        waiting[uid] = []
        return true
    }

    /// A user's call was read. Gives what starts the next that waits.
    mutating func leave(_ uid: UInt32) -> (() -> Void)? {
        guard var others = waiting[uid] else { return nil }
        guard !others.isEmpty else {
            waiting[uid] = nil
            return nil
        }
        let next = others.removeFirst()
        waiting[uid] = others
        return next
    }
}
