/// From which of the events that observe a thread its records are taken, on each CPU.
///
/// A thread with two of them on a CPU writes every record twice there. Whichever is seen first is kept: it was
/// there for the thread's first record on that CPU, and so misses none. CPUs differ, because events are opened
/// one after the other, and what a thread creates meanwhile inherits those that are there.
struct ThreadRoots {
    private struct Choice {
        var cpu: UInt32
        var root: Int32
    }

    private var choices: [Int32: [Choice]] = [:]

    /// Whether a record that `thread` wrote on `cpu` by an event opened for `root` is to be taken.
    mutating func accepts(thread: Int32, cpu: UInt32, root: Int32) -> Bool {
        if let choice = choices[thread]?.first(where: { $0.cpu == cpu }) { return choice.root == root }
        // Ends are not removed, because they are written twice as well. More threads than a machine can
        // have at once means mostly dead ones; the living choose anew with their next record.
        if choices.count >= 65_536 { choices.removeAll() }
        choices[thread, default: []].append(Choice(cpu: cpu, root: root))
        return true
    }

    /// A thread's id was given to a new one.
    mutating func created(thread: Int32) { choices[thread] = nil }
}
