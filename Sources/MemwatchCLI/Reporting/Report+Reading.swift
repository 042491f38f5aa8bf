import MemoryModel
import MemwatchInterface
import Varlink

extension Report {
    /// Instants whose maps are on the page.
    private static let frameCount: Int64 = 40
    /// Events on the page: those of the whole process, alerts, and the largest of the others.
    private static let mostEvents = 1_000

    /// Asks the daemon for all of it; each step says on standard error how far it is.
    static func read(
        pid: Int32, _ range: TimeRange, now: Timestamp, from endpoint: Endpoint, _ progress: inout Progress
    ) throws(Failure) -> Report {
        let daemon = try Daemon.connect(endpoint)
        var parameters: JSONObject = ["pid": .integer(Int64(pid))]
        parameters.set("start", range.start?.rfc3339)
        var course = try readCourse(daemon, parameters, range, &progress)
        let process = try ExplainedProcess.read(pid: pid, course, range, now: now, from: endpoint)
        guard let first = process.samples.first?.sample.time, let last = process.end
        else { throw Failure.noHistory(pid) }
        // What stood still until the end stands there, too.
        if var sample = course.points.last, sample.time < last {
            sample.time = last
            course.add(sample)
        }
        var report = Report(
            pid: pid, comm: process.comm, since: first, until: last, made: now, course: course,
            explanation: Explanation(process))
        try report.readEvents(daemon, parameters, range, &progress)
        try report.readFrames(daemon, parameters, &progress)
        return report
    }

    private static func readCourse(
        _ daemon: Daemon, _ parameters: JSONObject, _ range: TimeRange, _ progress: inout Progress
    ) throws(Failure) -> CoursePoints {
        var parameters = parameters
        parameters.set("since", range.since?.rfc3339)
        parameters.set("until", range.until?.rfc3339)
        var course = CoursePoints()
        try daemon.streamRecords(.history, parameters, in: "samples") { (bytes) throws(Failure) in
            course.add(try RecordPrinter<SampleRecord>.read(bytes).sample)
            if course.count.isMultiple(of: 256) {
                progress.show { "\(Quantity.count(course.count)) samples" }
            }
        }
        return course
    }

    private mutating func readEvents(
        _ daemon: Daemon, _ parameters: JSONObject, _ range: TimeRange, _ progress: inout Progress
    ) throws(Failure) {
        var parameters = parameters
        parameters.set("since", range.since?.rfc3339)
        parameters.set("until", range.until?.rfc3339)
        var (whole, changes) = ([EventRecord](), [EventRecord]())
        try daemon.streamRecords(.events, parameters, in: "events") { (bytes) throws(Failure) in
            eventCount += 1
            if eventCount.isMultiple(of: 256) { progress.show { "\(Quantity.count(eventCount)) events" } }
            let event = try RecordPrinter<EventRecord>.read(bytes)
            guard let delta = event.delta, event.kind != nil else {
                if whole.count < Self.mostEvents / 2 { whole.append(event) }
                return
            }
            changes.append(event)
            // Now and then the small ones go, so that a million events are never in memory.
            guard changes.count >= 8 * Self.mostEvents, delta != 0 else { return }
            changes = Self.largest(changes, Self.mostEvents)
        }
        let kept = whole + Self.largest(changes, Self.mostEvents - whole.count)
        events = kept.sorted { $0.time < $1.time }
    }

    private static func largest(_ events: [EventRecord], _ count: Int) -> [EventRecord] {
        Array(events.sorted { ($0.delta?.magnitude ?? 0) > ($1.delta?.magnitude ?? 0) }.prefix(max(0, count)))
    }

    private mutating func readFrames(
        _ daemon: Daemon, _ parameters: JSONObject, _ progress: inout Progress
    ) throws(Failure) {
        let span = until.microseconds &- since.microseconds
        var last: Int64?
        for number in 0...Self.frameCount {
            let time = Timestamp(microseconds: since.microseconds &+ span / Self.frameCount &* number)
            guard time.microseconds != last else { continue }
            last = time.microseconds
            progress.show { "maps, \(number) of \(Self.frameCount)" }
            var parameters = parameters
            parameters.set("at", (number == Self.frameCount ? until : time).rfc3339)
            var regions: [RegionRecord] = []
            do throws(Failure) {
                try daemon.streamRecords(.regions, parameters, in: "regions") { (bytes) throws(Failure) in
                    regions.append(try RecordPrinter<RegionRecord>.read(bytes))
                }
            } catch  where error.status == .noInput || error.status == .usage {
                // Maps are kept for less long than sizes.
                continue
            }
            frames.add(regions, at: time)
        }
    }
}
