import MemoryModel
import MemwatchInterface
import Varlink

/// What a program and its children did with memory, from before its first instruction to its end.
struct RunSummary: PrintableRow {
    var command: [String]
    var pid: Int32
    var end: RunningProgram.End
    var seconds: Double
    /// `perf`, `sampling` or `mixed`.
    var eventSource: String
    private(set) var processes: [RunProcess] = []
    private var indices: [Int32: Int] = [:]
    /// All that were followed; of more than a thousand the first are told one by one.
    var processCount = 0
    /// Children that came faster than they could be taken up.
    var forksDropped: UInt64 = 0
    var traffic = MappingTraffic()
    /// The largest growths, the largest first.
    var largest: [EventRecord] = []

    static let mostLargest = 5

    init(
        command: [String], pid: Int32, end: RunningProgram.End, seconds: Double,
        eventSource: String = "unknown"
    ) {
        (self.command, self.pid, self.end, self.seconds) = (command, pid, end, seconds)
        self.eventSource = eventSource
    }

    static let fields = [
        "command", "pid", "status", "signal", "seconds", "event_source", "processes", "process_count",
        "forks_dropped",
        "brk_calls",
        "mmap_calls",
        "mmap_bytes", "munmap_calls", "munmap_bytes", "largest",
    ]

    /// Takes in the events of all processes, in order of time.
    mutating func take(_ event: EventRecord) {
        guard let index = indices[event.pid] else { return }
        let isCounted = processes[index].take(event)
        guard isCounted else { return }
        traffic.add(event)
        guard let delta = event.delta, delta > 0, event.event != .fork, event.event != .exec else { return }
        let place = largest.firstIndex { ($0.delta ?? 0) < delta } ?? largest.count
        guard place < Self.mostLargest else { return }
        largest.insert(event, at: place)
        if largest.count > Self.mostLargest { largest.removeLast() }
    }

    mutating func add(_ process: RunProcess) {
        indices[process.pid] = processes.count
        processes.append(process)
    }

    /// Whether anything was seen of any of them.
    var wasSeen: Bool { processes.contains { $0.wasSeen } }

    /// The most that any process had of one kind, and whose it was.
    func peak(of kind: RegionKind) -> (bytes: UInt64, process: RunProcess)? {
        processes.max { $0.peaks[kind] < $1.peaks[kind] }.map { ($0.peaks[kind], $0) }
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("command")
        writer.beginArray()
        for word in command { writer.value(word) }
        writer.endArray()
        writer.key("pid")
        writer.value(pid)
        writer.key("status")
        if case .exited(let status) = end { writer.value(status) } else { writer.null() }
        writer.key("signal")
        if case .signal(let number) = end { writer.value(number) } else { writer.null() }
        writer.key("seconds")
        JSON.number(seconds).write(to: &writer)
        writer.key("event_source")
        writer.value(eventSource)
        writer.key("processes")
        writer.beginArray()
        for process in processes { write(process, to: &writer) }
        writer.endArray()
        let traffic = wasSeen ? traffic : nil
        let totals: [(StaticString, UInt64?)] = [
            ("process_count", UInt64(processCount)), ("forks_dropped", forksDropped),
            ("brk_calls", traffic?.brkCalls),
            ("mmap_calls", traffic?.mappings), ("mmap_bytes", traffic?.mapped),
            ("munmap_calls", traffic?.unmappings), ("munmap_bytes", traffic?.unmapped),
        ]
        for (name, value) in totals {
            writer.key(name)
            writer.value(value)
        }
        writer.key("largest")
        writer.beginArray()
        for event in largest { event.write(to: &writer) }
        writer.endArray()
        writer.endObject()
    }

    private func write(_ process: RunProcess, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("pid")
        writer.value(process.pid)
        writer.key("comm")
        writer.value(process.comm)
        writer.key("peak_vm_size")
        writer.value(process.wasSeen ? process.peakVmSize : nil)
        writer.key("peak_rss")
        writer.value(process.peakRSS)
        writer.key("peak_kinds")
        guard process.wasSeen else {
            writer.null()
            return writer.endObject()
        }
        writer.beginObject()
        for kind in RegionKind.allCases {
            writer.key(kind.staticName)
            writer.value(process.peaks[kind])
        }
        writer.endObject()
        writer.endObject()
    }
}
