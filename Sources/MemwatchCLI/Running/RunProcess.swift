import MemoryModel
import MemwatchInterface

/// One process of a run: what it had at each moment, and the most of it.
///
/// By its events, whose deltas add up to the byte from its first sample on: a process that lived for two milliseconds
/// has one look at most, and memory that came and went between two looks has none.
struct RunProcess {
    let pid: Int32
    /// As it called itself last.
    private(set) var comm: String
    /// Of the program itself: until it executes, it is a copy of this program, which is nobody's business.
    private(set) var waitsForExec: Bool
    private var sizes: [Int64]
    private var isExecuting = false
    /// Whether anything was seen of it: without the kernel's records a program may end before it is looked at.
    var wasSeen: Bool { !course.isEmpty }
    /// The most of each kind, at whatever time it had each. Nothing where nothing was seen.
    private(set) var peaks = KindTotals()
    private(set) var peakVmSize: UInt64 = 0
    /// Only looks know it.
    private(set) var peakRSS: UInt64?
    /// VmSize over time.
    private(set) var course: [(time: Timestamp, bytes: UInt64)] = []

    /// More points of the course are thinned to half as many.
    private static let mostPoints = 4_096
    private var stride = 1
    private var skipped = 0

    /// - Parameter first: what the first look found, from which the events count; nil where there was none.
    init(pid: Int32, comm: String, first: Sample?, waitsForExec: Bool) {
        (self.pid, self.comm, self.waitsForExec) = (pid, comm, waitsForExec)
        sizes = RegionKind.allCases.map { kind in Int64(clamping: first?.kinds?[kind] ?? 0) }
        if !waitsForExec, let first { record(first.time) }
    }

    /// What looks alone know.
    mutating func take(_ sample: Sample, afterExec exec: Timestamp?) {
        if waitsForExec, exec.map({ sample.time <= $0 }) ?? true { return }
        if let rss = sample.rssBytes { peakRSS = max(peakRSS ?? 0, rss) }
    }

    /// - Returns: False for what the process did before it was the program.
    mutating func take(_ event: EventRecord) -> Bool {
        if event.event == .exec {
            comm = event.comm
            (waitsForExec, isExecuting) = (false, true)
        } else if isExecuting {
            // One exec is told kind by kind; what there is afterwards is known behind the last of them.
            isExecuting = false
            record(event.time)
        }
        // What it was attached with is in its first sample; an end takes nothing back that it had.
        guard event.event != .attached, event.event != .exit, event.event != .detached else { return false }
        if let kind = event.kind, let delta = event.delta {
            let index = Int(kind.rawValue)
            sizes[index] = max(0, sizes[index].addingReportingOverflow(delta).partialValue)
        }
        guard !waitsForExec, !isExecuting else { return false }
        record(event.time)
        return true
    }

    private mutating func record(_ time: Timestamp) {
        var total: UInt64 = 0
        for kind in RegionKind.allCases {
            let bytes = UInt64(sizes[Int(kind.rawValue)])
            peaks[kind] = max(peaks[kind], bytes)
            total &+= bytes
        }
        peakVmSize = max(peakVmSize, total)
        skipped += 1
        guard skipped >= stride else { return }
        skipped = 0
        course.append((time, total))
        guard course.count > Self.mostPoints else { return }
        course = course.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        stride *= 2
    }
}
