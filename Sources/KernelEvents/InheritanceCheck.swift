/// Whether what a thread was making while its events were opened has inherited them.
///
/// fork(2) and pthread_create(3) copy a thread's events early on (`perf_event_init_task`), and show the new task late.
/// Events that are opened in between write the fork, but the new task has none, and neither has what it makes: no
/// list of threads has shown it yet, and none shows it if it is gone by the next one. So the first task that such a
/// thread is reported to have made is waited for: each that has inherited writes at least its end. One that stays
/// silent is told of as missing, and what it has left is looked for.
///
/// A pure value: opens nothing, reads no clock.
struct InheritanceCheck {
    /// A fork copies page tables: so many nanoseconds are more than it takes for 100 GiB.
    static let longestFork: Int64 = 2_000_000_000
    /// Who lives and says nothing for so long is better looked for than waited for.
    static let patience: Int64 = 250_000_000

    private struct Silent {
        let pid: Int32
        let since: Int64
        var goneAt: Int64?
    }

    /// Threads that may have been at it, and since when all that they made before is known.
    private var makers: [Int32: Int64] = [:]
    /// By thread.
    private var silent: [Int32: Silent] = [:]

    /// How many are waited for.
    var awaited: Int { silent.count }
    /// Whether nobody is waited for, or will be.
    var isOver: Bool { silent.isEmpty && makers.isEmpty }

    mutating func watch(_ threads: some Sequence<Int32>, since: Int64) {
        for thread in threads { makers[thread] = since }
    }

    /// A thread that events were opened for has made another, or a process.
    mutating func made(_ thread: Int32, of pid: Int32, by maker: Int32, at time: Int64, isFollowed: Bool) {
        // A thread makes one at a time, so that only its first can have been under way.
        guard let since = makers.removeValue(forKey: maker), isFollowed else { return }
        guard time >= since, time - since < Self.longestFork else { return }
        silent[thread] = Silent(pid: pid, since: time)
    }

    mutating func heard(_ thread: Int32) {
        if !silent.isEmpty { silent[thread] = nil }
    }

    /// - Parameters:
    ///   - handedOn: all records of before were handed on.
    ///   - exists: whether a process has a thread.
    /// - Returns: processes whose threads are to be looked for, because one of them said nothing.
    mutating func step(
        at now: Int64, handedOn: Int64, exists: (_ thread: Int32, _ pid: Int32) -> Bool
    ) -> Set<Int32> {
        if !makers.isEmpty { makers = makers.filter { handedOn - $0.value < Self.longestFork } }
        var missing: Set<Int32> = []
        for (thread, task) in silent {
            if let goneAt = task.goneAt {
                // Its end was written before it was gone.
                if goneAt < handedOn { missing.insert(task.pid) }
            } else if now - task.since > Self.patience {
                missing.insert(task.pid)
            } else if !exists(thread, task.pid) {
                silent[thread]?.goneAt = now
            }
        }
        if !missing.isEmpty { silent = silent.filter { !missing.contains($0.value.pid) } }
        return missing
    }
}
