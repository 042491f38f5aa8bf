import Benchmark
import Glibc

/// Each body as often as three seconds allow.
let benchmarks: @Sendable () -> Void = {
    for body in Body.allCases where body != .historyWrite {
        Benchmark(
            body.rawValue,
            configuration: .init(
                metrics: [.wallClock, .cpuTotal, .instructions], warmupIterations: 3,
                maxDuration: .seconds(3))
        ) { benchmark in
            var template = Array("/tmp/memwatch-micro.XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { return benchmark.error("no temporary directory") }
            let work = try body.prepared(
                in: String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
            benchmark.startMeasurement()
            for _ in benchmark.scaledIterations { blackHole(try work()) }
            benchmark.stopMeasurement()
        }
    }
}
