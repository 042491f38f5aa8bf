import MemoryModel
import MemwatchInterface
import Varlink

/// Everything that is on the page.
struct Report: JSONWritable {
    var pid: Int32
    var comm: String?
    var since: Timestamp
    var until: Timestamp
    var made: Timestamp
    var course: CoursePoints
    var frames = MapFrames()
    var events: [EventRecord] = []
    /// Of how many events those are.
    var eventCount = 0
    var explanation: Explanation

    /// Times are milliseconds since ``since``: short, and exact enough for a screen.
    private func offset(_ time: Timestamp) -> Int64 { (time.microseconds &- since.microseconds) / 1_000 }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("pid")
        writer.value(pid)
        writer.key("comm")
        writer.value(comm)
        writer.key("since")
        writer.value(since)
        writer.key("until")
        writer.value(until)
        writer.key("made")
        writer.value(made)
        writer.key("version")
        writer.value(MemwatchVersion.text)
        writer.key("samples")
        writer.value(course.count)
        writer.key("kinds")
        writer.beginArray()
        for kind in RegionKind.allCases { writer.value(kind.name) }
        writer.endArray()
        writer.key("origins")
        writer.beginArray()
        for kind in RegionKind.allCases { writer.value(kind.origin.rawValue) }
        writer.endArray()
        writePoints(to: &writer)
        writeEvents(to: &writer)
        writeFrames(to: &writer)
        writer.key("verdict")
        writer.value(ExplanationText.words(explanation.verdict))
        writer.key("sentences")
        writer.beginArray()
        for finding in explanation.findings { writer.value(finding.sentence) }
        writer.endArray()
        writer.endObject()
    }

    /// `[time, vm_size, rss, [bytes by kind]]`.
    private func writePoints(to writer: inout JSONWriter) {
        writer.key("points")
        writer.beginArray()
        for sample in course.points {
            writer.beginArray()
            writer.value(offset(sample.time))
            writer.value(sample.vmSizeBytes)
            writer.value(sample.rssBytes)
            writer.beginArray()
            for kind in RegionKind.allCases { writer.value(sample.kinds?[kind]) }
            writer.endArray()
            writer.endArray()
        }
        writer.endArray()
    }

    /// `[time, event, kind, delta, size, path, cleared]`.
    private func writeEvents(to writer: inout JSONWriter) {
        writer.key("event_count")
        writer.value(eventCount)
        writer.key("events")
        writer.beginArray()
        for event in events {
            writer.beginArray()
            writer.value(offset(event.time))
            writer.value(event.event.name)
            writer.value(event.kind?.name)
            writer.value(event.delta)
            writer.value(event.size)
            writer.value(event.path.map { String($0.prefix(200)) })
            writer.value(event.isCleared)
            writer.endArray()
        }
        writer.endArray()
    }

    /// Regions as `[start, end, kind, perms, path, tid]`; frames as lists of indices of them.
    private func writeFrames(to writer: inout JSONWriter) {
        writer.key("regions")
        writer.beginArray()
        for region in frames.regions {
            writer.beginArray()
            writer.hexadecimal(region.start)
            writer.hexadecimal(region.end)
            writer.value(Int(region.kind.rawValue))
            writer.value(region.perms)
            writer.value(region.path.map { String($0.prefix(300)) })
            writer.value(region.tid)
            writer.endArray()
        }
        writer.endArray()
        writer.key("frames")
        writer.beginArray()
        for (index, frame) in frames.frames.enumerated() {
            writer.beginArray()
            writer.value(offset(frames.times[index]))
            writer.value(frames.omitted[index].count)
            writer.value(frames.omitted[index].bytes)
            writer.beginArray()
            for region in frame { writer.value(region) }
            writer.endArray()
            writer.endArray()
        }
        writer.endArray()
    }
}
