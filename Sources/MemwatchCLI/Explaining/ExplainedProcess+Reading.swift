import MemoryModel
import MemwatchInterface
import ProcFS
import Varlink

extension ExplainedProcess {
    /// More events than this are not read: they are only counted, and a few seconds' worth tell what kind of a program
    /// it is.
    private static let eventLimit: UInt64 = 200_000

    /// Asks the daemon for the past, and looks at what is there now.
    static func read(
        pid: Int32, _ range: TimeRange, now: Timestamp, from endpoint: Endpoint
    ) throws(Failure) -> ExplainedProcess {
        let daemon = try Daemon.connect(endpoint)
        var parameters: JSONObject = ["pid": .integer(Int64(pid))]
        parameters.set(range)
        var course = CoursePoints()
        try daemon.streamRecords(.history, parameters, in: "samples") { (bytes) throws(Failure) in
            course.add(try RecordPrinter<SampleRecord>.read(bytes).sample)
        }
        return try read(pid: pid, course, range, now: now, from: endpoint)
    }

    /// The same for who has read the samples.
    static func read(
        pid: Int32, _ course: CoursePoints, _ range: TimeRange, now: Timestamp, from endpoint: Endpoint
    ) throws(Failure) -> ExplainedProcess {
        var process = ExplainedProcess(pid: pid, samples: course.points.map { SampleRecord($0) })
        var parameters: JSONObject = ["pid": .integer(Int64(pid))]
        parameters.set(range)
        try process.readTraffic(try Daemon.connect(endpoint), parameters)
        // Only what is there now has a map and limits; of a span that ended before, they would be another story.
        if range.until == nil { process.readPresent(endpoint, now) }
        return process
    }

    private mutating func readTraffic(_ daemon: Daemon, _ parameters: JSONObject) throws(Failure) {
        var parameters = parameters
        parameters.set("events", MappingTraffic.events.map(\.name))
        var count: UInt64 = 0
        try daemon.streamRecords(.events, parameters, in: "events") { (bytes) throws(Failure) in
            count += 1
            guard count <= Self.eventLimit else {
                traffic.isPartial = true
                return
            }
            let event = try RecordPrinter<EventRecord>.read(bytes)
            traffic.add(event)
            comm = event.comm
        }
    }

    /// What cannot be read stays unknown.
    private mutating func readPresent(_ endpoint: Endpoint, _ now: Timestamp) {
        let root = ProcRoot()
        limits.maxMapCount = root.maxMapCount()
        if let directory = try? root.open(pid: pid) {
            // A sample is kept where something changed, so until this moment nothing did.
            unchangedUntil = now
            if let name = try? directory.stat().comm { comm = PrintableText.jsonText(name) }
            let limit = directory.memoryLimit()
            limits.memoryLimit = limit?.limitBytes
            limits.memoryUsed = limit?.usedBytes
        }
        let reader = AddressSpaceReader(pid: pid, countsResident: true, endpoint: endpoint)
        regions = (try? reader.read())?.space.regions
    }
}
