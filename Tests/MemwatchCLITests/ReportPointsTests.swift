import MemoryModel
import MemwatchInterface
import Testing

@testable import MemwatchCLI

@Suite("What of a history is on the report's page")
struct ReportPointsTests {
    private func sample(_ number: Int, _ bytes: UInt64, rss: UInt64 = 0) -> Sample {
        var sample = Sample(time: Timestamp(seconds: 1_795_401_060 + Int64(number)), pid: 812)
        sample.vmSizeBytes = bytes
        sample.rssBytes = rss
        sample.kinds = KindTotals()
        sample.kinds?[.anon] = bytes
        sample.isConsistent = true
        return sample
    }

    @Test("of a million samples some hundreds are left, and no peak, no trough and no end is missing")
    func million() throws {
        var course = CoursePoints()
        for number in 0..<1_000_000 {
            // One second of a peak, of a trough and of a full memory, at places of their own.
            let bytes: UInt64 = number == 777_777 ? 1 << 40 : number == 123_456 ? 4_096 : 1 << 30
            course.add(sample(number, bytes, rss: number == 555_555 ? 1 << 39 : 1 << 20))
        }
        let points = course.points
        #expect(course.count == 1_000_000 && points.count <= 1_600 && points.count >= 200)
        #expect(points.map(\.vmSizeBytes).contains(1 << 40) && points.map(\.vmSizeBytes).contains(4_096))
        #expect(points.map(\.rssBytes).contains(1 << 39))
        #expect(points.last?.time == sample(999_999, 0).time && points.first?.time == sample(0, 0).time)
        #expect(zip(points, points.dropFirst()).allSatisfy { $0.time < $1.time })
    }

    @Test("a short history is there whole")
    func short() {
        var course = CoursePoints()
        for number in 0..<100 { course.add(sample(number, UInt64(number) << 12)) }
        #expect(course.points.map(\.vmSizeBytes) == (0..<100).map { UInt64($0) << 12 })
    }

    @Test("torn looks are no peaks")
    func torn() {
        var course = CoursePoints()
        course.add(sample(0, 1))
        var torn = sample(1, 1 << 50)
        torn.isConsistent = false
        course.add(torn)
        #expect(course.points.count == 1 && course.count == 2)
    }

    @Test("a page of a million samples, sixty thousand regions and many events is below 2 MB")
    func size() throws {
        var course = CoursePoints()
        for number in 0..<100_000 { course.add(sample(number, UInt64(number % 977) << 20)) }
        var report = Report(
            pid: 812, comm: "postgres", since: sample(0, 0).time, until: sample(99_999, 0).time,
            made: sample(0, 0).time,
            course: course, explanation: Explanation(ExplainedProcess(pid: 812, samples: [])))
        let path = "/" + String(repeating: "x", count: 250)
        for frame in 0...40 {
            let regions = (0..<2_000).map { number in
                Examples.region(
                    UInt64(number) << 32, UInt64(frame * 7 + number + 1) << 12, [.read], .file,
                    path: number < 40 ? path + "\(number)" : "/y\(number)")
            }
            report.frames.add(regions, at: sample(frame * 100, 0).time)
        }
        report.events = (0..<1_000).map { _ in Examples.event() }
        let bytes = ReportPage.html(report)
        #expect(bytes.count < 2 << 20, "\(bytes.count)")
        #expect(report.frames.omitted.allSatisfy { $0.count == 1_700 })
    }
}
