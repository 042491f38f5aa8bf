/// Decides which entries go to the journal, so that one process in a loop cannot fill a disk,
/// drown the others, or make journald drop what another service says. Pure: the caller brings the clock.
///
/// Each target has a bucket, and all together one more. The table of targets is bounded; a target
/// beyond it is held by the common bucket alone, and its drops are counted without its name.
struct RateLimiter {
    /// Drops to tell of. `pid` is nil where they are of several processes.
    struct Suppressed {
        var pid: Int32?
        var comm: [UInt8]
        var tally: DropTally
    }

    private struct Target {
        var bucket = TokenBucket()
        var comm: [UInt8]
        var drops = DropTally()
    }

    private var targets: [Int32: Target] = [:]
    private var common = TokenBucket()
    private var unnamedDrops = DropTally()
    /// When a full table is worth searching again for idle targets.
    private var nextEviction: UInt64 = 0
    private let capacity: Int
    /// More summaries than this at once become one: 4,096 targets that are all too loud must not
    /// make 4,096 entries about it.
    private let mostSummaries = 16

    init(capacity: Int = 4096) { self.capacity = capacity }

    /// Takes a token from the target's bucket and the common one, or counts a drop.
    mutating func admit(pid: Int32, comm: [UInt8], limits: JournalWriter.Limits, now: UInt64) -> Bool {
        guard hasRoom(for: pid, now: now) else {
            guard common.admits(limits.total, now: now) else {
                unnamedDrops.add(now: now)
                return false
            }
            common.take(limits.total, now: now)
            return true
        }
        guard targets[pid, default: Target(comm: comm)].bucket.admits(limits.perTarget, now: now),
            common.admits(limits.total, now: now)
        else {
            targets[pid, default: Target(comm: comm)].comm = comm
            targets[pid]?.drops.add(now: now)
            return false
        }
        targets[pid, default: Target(comm: comm)].bucket.take(limits.perTarget, now: now)
        common.take(limits.total, now: now)
        return true
    }

    /// The drops whose time to be told has come (all of them with `force`), which are then forgotten.
    mutating func takeDue(quiet: UInt64, now: UInt64, force: Bool = false) -> [Suppressed] {
        var due: [Suppressed] = []
        for (pid, target) in targets {
            guard let time = target.drops.due(quiet: quiet), force || time <= now else { continue }
            due.append(Suppressed(pid: pid, comm: target.comm, tally: target.drops))
            targets[pid]?.drops = DropTally()
        }
        if due.count > mostSummaries {
            for one in due { unnamedDrops.add(one.tally.count, now: now) }
            due = []
        }
        if let time = unnamedDrops.due(quiet: quiet), force || time <= now {
            due.append(Suppressed(pid: nil, comm: [], tally: unnamedDrops))
            unnamedDrops = DropTally()
        }
        return due
    }

    /// When ``takeDue(quiet:now:force:)`` next has something; nil while nothing was dropped.
    func nextDue(quiet: UInt64) -> UInt64? {
        var next = unnamedDrops.due(quiet: quiet)
        for target in targets.values {
            guard let time = target.drops.due(quiet: quiet) else { continue }
            next = min(next ?? time, time)
        }
        return next
    }

    /// A target whose bucket is full and who has nothing to tell is no different from one that
    /// is not in the table. The search takes time in proportion to the table, so after one that
    /// found nothing the next waits a second.
    private mutating func hasRoom(for pid: Int32, now: UInt64) -> Bool {
        if targets[pid] != nil || targets.count < capacity { return true }
        guard now >= nextEviction else { return false }
        targets = targets.filter { !$0.value.bucket.isFull(now: now) || !$0.value.drops.isEmpty }
        if targets.count < capacity { return true }
        nextEviction = now.addingSaturating(1_000_000_000)
        return false
    }
}
