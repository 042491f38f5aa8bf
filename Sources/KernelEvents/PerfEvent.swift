import CLinux
import Glibc
import SystemPackage

/// One open descriptor of perf_event_open.
struct PerfEvent {
    let descriptor: Int32
    /// What its records, and those of the events inherited from it, carry.
    let id: UInt64
    let cpu: Int32
    /// The thread it was opened for; 0 where it was opened for all that runs on its CPU.
    let thread: Int32
    let content: Content
    let countsLost: Bool
    /// Lost records already told of.
    var lostBefore: UInt64 = 0

    enum Subject {
        case machine
        case cgroup(descriptor: Int32)
        case thread(Int32)
        /// Observes nothing; owns a ring.
        case ringOwner
    }

    /// What an event writes. Two for each observed thing, because mappings may be too many to be worth their
    /// cost (``RecordFlow``), and forks, programs and ends never are.
    enum Content: CaseIterable {
        case tasks
        case mappings
    }

    static func open(
        _ subject: Subject, _ content: Content = .tasks, cpu: Int32, watermark: Int
    ) throws(Errno) -> PerfEvent {
        var request = clinux_perf_request()
        request.tasks = content == .tasks
        request.mappings = content == .mappings
        request.watermark = UInt32(clamping: watermark)
        request.counts_lost = true
        var pid: pid_t = -1
        var thread: Int32 = 0
        switch subject {
        case .machine: break
        case .cgroup(let descriptor):
            request.cgroup = true
            pid = descriptor
        case .thread(let id):
            request.inherit = true
            pid = id
            thread = id
        case .ringOwner:
            request.tasks = false
            // An event of our own first thread, which lives as long as we do: that needs no privilege.
            pid = getpid()
        }
        var descriptor = clinux_perf_open(pid, cpu, &request)
        if descriptor < 0 && errno == EINVAL {
            // Before Linux 6.0 there is no PERF_FORMAT_LOST.
            request.counts_lost = false
            descriptor = clinux_perf_open(pid, cpu, &request)
        }
        guard descriptor >= 0 else { throw Errno(rawValue: errno) }
        var id: UInt64 = 0
        guard clinux_perf_id(descriptor, &id) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw Errno(rawValue: code)
        }
        return PerfEvent(
            descriptor: descriptor, id: id, cpu: cpu, thread: thread, content: content,
            countsLost: request.counts_lost)
    }

    /// Lost since the last call: the event's own and those of all events inherited from it. nil where the
    /// kernel does not count (before 6.0).
    mutating func takeLost() -> UInt64? {
        guard countsLost else { return nil }
        // struct { u64 value; u64 lost; }
        var values: (UInt64, UInt64) = (0, 0)
        let count = withUnsafeMutableBytes(of: &values) { read(descriptor, $0.baseAddress, $0.count) }
        guard count == 16, values.1 > lostBefore else { return 0 }
        defer { lostBefore = values.1 }
        return values.1 - lostBefore
    }

    func close() { Glibc.close(descriptor) }
}
