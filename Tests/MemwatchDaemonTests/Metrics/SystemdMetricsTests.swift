import Testing
import Varlink

@testable import MemwatchDaemon

@Suite("Metrics as io.systemd.Metrics has them")
struct SystemdMetricsTests {
    private var families: [MetricFamily] {
        var bytes = MetricFamily("memwatch_region_bytes", .gauge, unit: "bytes", "By kind.")
        bytes.add(UInt64(1) << 53, [("pid", "7"), ("comm", "a\"b"), ("kind", "heap")])
        var build = MetricFamily("memwatch_build", .info, "Which one.")
        build.add(1, [("version", "1.0")])
        var source = MetricFamily("memwatch_event_source", .info, "Where from.")
        source.add(1, [("source", "perf")])
        var seconds = MetricFamily("process_cpu_seconds", .counter, unit: "seconds", "Time.")
        seconds.samples = [.init(labels: [], value: 0.25)]
        return [
            bytes, build, source, seconds,
            MetricFamily("memwatch_nothing", .gauge, "Not known.", Int?.none),
        ]
    }

    @Test(
        "a value each, with what it is of; text where it is none of a number; nothing for what is not known")
    func list() {
        let rows = SystemdMetrics.list(families).map(\.jsonText)
        #expect(
            rows == [
                #"{"name":"org.memwatch.Monitor.RegionBytes","value":9007199254740992,"object":"7","fields":{"comm":"a\"b","kind":"heap"}}"#,
                #"{"name":"org.memwatch.Monitor.BuildVersion","value":"1.0"}"#,
                #"{"name":"org.memwatch.Monitor.EventSource","value":"perf"}"#,
                #"{"name":"org.memwatch.Monitor.ProcessCpuSeconds","value":0.25}"#,
            ])
    }

    @Test("every family that has a value is described under the same name")
    func describe() {
        let rows = SystemdMetrics.describe(families)
        #expect(
            rows.map { $0["name"]?.stringValue }
                == SystemdMetrics.list(families).map { $0["name"]?.stringValue })
        #expect(rows.map { $0["type"]?.stringValue } == ["gauge", "string", "string", "counter"])
        #expect(rows.first?["description"] == "By kind.")
    }
}
