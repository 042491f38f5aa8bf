import CLinux
import Glibc
import MemoryModel
import ProcFS
import SystemPackage

/// Tells apart the sets of events that were ever opened.
struct ScopeNumber: Hashable, Sendable {
    let rawValue: UInt64
}

/// The open events of one scope, on all CPUs.
struct EventScope {
    let number: ScopeNumber
    let scope: KernelEventSource.Scope
    /// The process it was opened for, where it is that process's own.
    let pid: Int32
    var events: [PerfEvent] = []
    /// Queues that are fed by it, and one for reports of execs.
    var references = 0
    /// A thread may be observed by events of its own and by inherited ones; see ``ThreadRoots``. By what
    /// the events write, because those of mappings are opened anew now and then.
    var roots: [PerfEvent.Content: ThreadRoots] = [:]
    /// What its threads may have been making while their events were opened.
    var checks: [PerfEvent.Content: InheritanceCheck] = [:]
    /// Threads were missed and could not be caught since.
    var lacksThreads = false
    /// Whether its mapping records are worth their cost.
    var flow = RecordFlow()
    /// Nanoseconds in which a process's threads must be found.
    var patience = Int64(KernelEventSource.Options.usualOpeningMilliseconds) * 1_000_000

    func close() { for event in events { event.close() } }

    /// Opens the events, writing into the given rings.
    ///
    /// A CPU that has gone offline meanwhile is left out.
    static func open(
        _ scope: KernelEventSource.Scope, pid: Int32, number: ScopeNumber, rings: [PerfRing],
        options: KernelEventSource.Options = .init()
    ) throws(KernelEventRefusal) -> EventScope {
        var result = EventScope(number: number, scope: scope, pid: pid)
        result.flow = RecordFlow(allowedPerSecond: options.mappingsPerSecond)
        result.patience = Int64(options.openingMilliseconds) * 1_000_000
        do throws(Errno) {
            try result.open(PerfEvent.Content.allCases, rings)
        } catch {
            result.close()
            switch (scope, error) {
            case (.cgroup, .noSuchFileOrDirectory), (.cgroup, .badFileDescriptor):
                throw KernelEventRefusal(scope: scope, cause: .noSuchCgroup)
            case (.process, .timedOut):
                throw KernelEventRefusal(scope: scope, cause: .threads)
            default:
                throw KernelEventRefusal(scope: scope, opening: error.rawValue)
            }
        }
        if result.events.isEmpty { throw KernelEventRefusal(scope: scope, cause: .noSuchProcess) }
        return result
    }

    private mutating func open(_ contents: [PerfEvent.Content], _ rings: [PerfRing]) throws(Errno) {
        switch scope {
        case .machine:
            for content in contents { try add(.machine, content, rings) }
        case .cgroup(let path):
            let directory = try openCgroup(path)
            // The events keep the cgroup; the directory need not stay open.
            defer { Glibc.close(directory) }
            for content in contents { try add(.cgroup(descriptor: directory), content, rings) }
        case .process:
            try addThreads(of: pid, contents, rings)
        }
    }

    /// Opens the events of mappings again, after ``closeMappings()``.
    mutating func openMappings(_ rings: [PerfRing]) throws(Errno) {
        do throws(Errno) {
            if lacksThreads { try addThreads(of: pid, [.tasks], rings, besides: observed(.tasks)) }
            lacksThreads = false
            try open([.mappings], rings)
        } catch {
            closeMappings()
            throw error
        }
        if !events.contains(where: { $0.content == .mappings }) { throw .noSuchProcess }
    }

    /// Closes the events of mappings. (To disable them would not do: while any such event is open, enabled or
    /// not, the kernel prepares the record of every mapping call of the machine, and that is half of its cost.)
    mutating func closeMappings() {
        for event in events where event.content == .mappings { event.close() }
        events.removeAll { $0.content == .mappings }
        (roots[.mappings], checks[.mappings]) = (nil, nil)
    }

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
                try addThreads(of: pid, [content], rings, besides: observed(content))
            }
        }
        lacksThreads = false
    }

    private func observed(_ content: PerfEvent.Content) -> Set<Int32> {
        Set(events.lazy.filter { $0.content == content }.map(\.thread))
    }

    private mutating func add(
        _ subject: PerfEvent.Subject, _ content: PerfEvent.Content, _ rings: [PerfRing]
    ) throws(Errno) {
        for ring in rings { try add(subject, content, ring) }
    }

    private mutating func add(
        _ subject: PerfEvent.Subject, _ content: PerfEvent.Content, _ ring: PerfRing
    ) throws(Errno) {
        let event: PerfEvent
        do throws(Errno) {
            event = try PerfEvent.open(subject, content, cpu: ring.cpu, watermark: ring.bytes / 4)
        } catch Errno(rawValue: ENODEV) {
            return
        }
        events.append(event)
        guard clinux_perf_set_output(event.descriptor, ring.owner.descriptor) == 0 else {
            throw Errno(rawValue: errno)
        }
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
    /// - Parameter known: threads that have such events already.
    /// - Throws: ``Errno/timedOut`` for threads that come and go too fast.
    private mutating func addThreads(
        of pid: Int32, _ contents: [PerfEvent.Content], _ rings: [PerfRing], besides known: Set<Int32> = []
    ) throws(Errno) {
        guard let process = try Self.answer({ () throws(ProcError) in try ProcRoot().open(pid: pid) }) else {
            return
        }
        let wanted = contents.flatMap { content in rings.map { (content, $0) } }
        var known = known
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
                guard let count = try? process.stat().threads else { return }
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
}

/// A descriptor of a directory in the cgroup2 hierarchy.
private func openCgroup(_ path: String) throws(Errno) -> Int32 {
    guard let mount = ControlGroupMounts.ofThisMachine.unified else { throw .noSuchFileOrDirectory }
    let descriptor = Glibc.open(mount + "/" + path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    return descriptor
}

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
