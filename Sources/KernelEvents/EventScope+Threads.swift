import Glibc
import MemoryModel
import ProcFS
import SystemPackage

/// The events of one process: an event for each of its threads, and how one finds them all.
extension EventScope {
    /// An event for each thread: what a thread creates later inherits it, but those that are there do not.
    ///
    /// Threads that appear while this goes on may descend from one that was still unobserved; so the list is
    /// read again until it brings nothing new. Those that come late may have inherited as well, and then
    /// write everything twice: from there on ``roots`` sorts that out.
    ///
    /// A list ends early where a thread ends just as its entry is read (the kernel then cannot find the next one).
    /// So it counts as whole only where the process has as many threads, and each of the list is still there
    /// afterwards: at the moment of counting, those were all. Who was in the middle of making another at that moment
    /// is for ``checks`` to remember.
    ///
    /// Threads that make another and end are a race: one is observed for good once its event is open before it
    /// makes the next. So each round begins with another of the events that a thread needs: the first has
    /// the best chance, and each must have it. Most races are won in the first rounds, some only after a
    /// hundred. One that is not won in time is given up: nobody could tell what is missing then.
    ///
    /// Those that have such events already, of their own, are left as they are.
    ///
    /// - Throws: ``Errno/timedOut`` for threads that come and go too fast.
    mutating func addThreads(
        of pid: Int32, _ contents: [PerfEvent.Content], _ rings: [PerfRing]
    ) throws(Errno) {
        guard let process = try Self.answer({ () throws(ProcError) in try ProcRoot().open(pid: pid) }) else {
            return
        }
        let wanted = contents.flatMap { content in rings.map { (content, $0) } }
        var known = Set(events.lazy.filter { contents.contains($0.content) }.map(\.thread))
        let others = events.count
        var before: [Int32]?
        let deadline = MonotonicTime.nanoseconds &+ patience
        var round = 0
        while MonotonicTime.nanoseconds < deadline {
            let listed = MonotonicTime.nanoseconds
            let threads = try Self.answer { () throws(ProcError) in try process.threadIDs() } ?? []
            let late = !known.isEmpty
            let new = threads.filter { known.insert($0).inserted }
            if new.isEmpty, threads == before {
                guard
                    let count = try Self.answer({ () throws(ProcError) in try process.stat().threads })
                else { return }
                if count == threads.count, threads.allSatisfy(process.hasThread) {
                    let makers = Self.makers(among: threads, of: process)
                    for content in contents { checks[content, default: .init()].watch(makers, since: listed) }
                    return
                }
            }
            before = threads
            if late, !new.isEmpty {
                for content in contents where roots[content] == nil { roots[content] = ThreadRoots() }
            }
            for thread in new {
                do throws(Errno) {
                    for index in wanted.indices {
                        let (content, ring) = wanted[(index + round) % wanted.count]
                        try add(.thread(thread), content, ring)
                    }
                } catch .noSuchProcess {
                    // It is ending, and makes no others any more.
                }
            }
            // Of threads that have ended since: each costs those that descend from it a record more.
            if events.count - others > wanted.count * (threads.count + Self.mostEndedThreads) { break }
            round += 1
        }
        throw .timedOut
    }

    /// Those that may have been in the middle of making another when the whole list was read: not those that have
    /// waited for something since, if what they made before would be in the list now and nothing is.
    private static func makers(among threads: [Int32], of process: ProcessDirectory) -> [Int32] {
        let makers = threads.filter { !process.isThreadWaiting($0) }
        let isTheSame =
            (try? process.threadIDs()) == threads && (try? process.stat().threads) == UInt32(threads.count)
        return isTheSame ? makers : threads
    }

    private static let mostEndedThreads = 128

    /// Processes with threads that should have inherited events and did not; see ``InheritanceCheck``.
    mutating func missing(at now: Int64, handedOn: Int64) -> Set<Int32> {
        var result: Set<Int32> = []
        for content in checks.keys {
            result.formUnion(
                checks[content]?.step(at: now, handedOn: handedOn) { thread, pid in
                    (try? ProcRoot().open(pid: pid).hasThread(thread)) ?? false
                } ?? [])
            if checks[content]?.isOver == true { checks[content] = nil }
        }
        return result
    }

    /// Opens events for the threads of these processes that have none of their own.
    mutating func catchUp(with pids: Set<Int32>, _ rings: [PerfRing]) throws(Errno) {
        lacksThreads = true
        for pid in pids {
            for content in PerfEvent.Content.allCases {
                // Mappings may be switched off.
                if !events.contains(where: { $0.content == content }) { continue }
                try addThreads(of: pid, [content], rings)
            }
        }
        lacksThreads = false
    }

    /// nil for a process that is gone; out of descriptors is not that.
    private static func answer<Value>(_ question: () throws(ProcError) -> Value) throws(Errno) -> Value? {
        do throws(ProcError) {
            return try question()
        } catch .system(path: _, errno: let code)
            where code == .tooManyOpenFiles || code == .tooManyOpenFilesInSystem
        {
            throw code
        } catch {
            return nil
        }
    }
}
