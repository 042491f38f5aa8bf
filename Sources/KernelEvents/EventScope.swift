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
            try result.open(PerfEvent.Content.allCases, of: [pid], rings)
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

    private mutating func open(
        _ contents: [PerfEvent.Content], of pids: [Int32], _ rings: [PerfRing]
    ) throws(Errno) {
        switch scope {
        case .machine:
            for content in contents { try add(.machine, content, rings) }
        case .cgroup(let path):
            let directory = try openCgroup(path)
            // The events keep the cgroup; the directory need not stay open.
            defer { Glibc.close(directory) }
            for content in contents { try add(.cgroup(descriptor: directory), content, rings) }
        case .process:
            for pid in pids { try addThreads(of: pid, contents, rings) }
        }
    }

    /// Opens the events of mappings again, after ``closeMappings()``.
    ///
    /// - Parameter pids: the processes that are watched by them. Those that the first has forked are among
    ///   them: what was there before inherits nothing.
    mutating func openMappings(of pids: [Int32], _ rings: [PerfRing]) throws(Errno) {
        do throws(Errno) {
            if lacksThreads { for pid in pids { try addThreads(of: pid, [.tasks], rings) } }
            lacksThreads = false
            try open([.mappings], of: pids, rings)
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

    private mutating func add(
        _ subject: PerfEvent.Subject, _ content: PerfEvent.Content, _ rings: [PerfRing]
    ) throws(Errno) {
        for ring in rings { try add(subject, content, ring) }
    }

    mutating func add(
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
}

/// A descriptor of a directory in the cgroup2 hierarchy.
private func openCgroup(_ path: String) throws(Errno) -> Int32 {
    guard let mount = ControlGroupMounts.ofThisMachine.unified else { throw .noSuchFileOrDirectory }
    let descriptor = Glibc.open(mount + "/" + path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    return descriptor
}
