import MemwatchInterface
import Testing

@testable import MemwatchDaemon

@Suite("Metrics as text")
struct MetricsTextTests {
    private var families: [MetricFamily] {
        var bytes = MetricFamily("memwatch_region_bytes", .gauge, unit: "bytes", "By kind.")
        bytes.add(UInt64(1) << 53, [("comm", "a\"b\\c\nd"), ("kind", "heap")])
        bytes.add(Int?.none, [("kind", "anon")])
        var build = MetricFamily("memwatch_build", .info, "Which one.")
        build.add(1, [("version", "1.0")])
        return [
            bytes, build, MetricFamily("memwatch_looks", .counter, "Looks \\ \"at\"\nmaps.", 7),
            MetricFamily("memwatch_nothing", .gauge, "Not known.", Int?.none),
        ]
    }

    @Test("OpenMetrics: the family is named, the unit is said, and it ends with EOF")
    func openMetrics() {
        #expect(
            MetricsText(families, .openMetrics).text == """
                # HELP memwatch_region_bytes By kind.
                # TYPE memwatch_region_bytes gauge
                # UNIT memwatch_region_bytes bytes
                memwatch_region_bytes{comm="a\\"b\\\\c\\nd",kind="heap"} 9007199254740992
                # HELP memwatch_build Which one.
                # TYPE memwatch_build info
                memwatch_build_info{version="1.0"} 1
                # HELP memwatch_looks Looks \\\\ \\"at\\"\\nmaps.
                # TYPE memwatch_looks counter
                memwatch_looks_total 7
                # EOF

                """)
    }

    @Test("the older form names samples, knows no info and no unit")
    func plain() {
        #expect(
            MetricsText(families, .plain).text == """
                # HELP memwatch_region_bytes By kind.
                # TYPE memwatch_region_bytes gauge
                memwatch_region_bytes{comm="a\\"b\\\\c\\nd",kind="heap"} 9007199254740992
                # HELP memwatch_build_info Which one.
                # TYPE memwatch_build_info gauge
                memwatch_build_info{version="1.0"} 1
                # HELP memwatch_looks_total Looks \\\\ "at"\\nmaps.
                # TYPE memwatch_looks_total counter
                memwatch_looks_total 7

                """)
        #expect(
            MetricsText.Form(accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
                == .openMetrics)
        #expect(MetricsText.Form(accept: "text/plain") == .plain && MetricsText.Form(accept: nil) == .plain)
    }

    @Test("an address is a host with a port, or a path")
    func addresses() throws {
        #expect(try MetricsAddress("127.0.0.1:9464") == .host("127.0.0.1", port: 9_464))
        #expect(try MetricsAddress("[::1]:80") == .host("::1", port: 80))
        #expect(try MetricsAddress("localhost:1") == .host("localhost", port: 1))
        #expect(try MetricsAddress("/run/memwatch/metrics") == .path("/run/memwatch/metrics"))
        for text in [
            "9464", "1.2.3:80", "127.0.0.1:0", "127.0.0.1:99999", "host:80", "[::1]",
            "/" + String(repeating: "x", count: 200),
        ] {
            #expect(throws: UnreadableText.self) { try MetricsAddress(text) }
        }
    }
}
