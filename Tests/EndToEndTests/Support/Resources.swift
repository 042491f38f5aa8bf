import Glibc
import TestSupport
import Testing
import Varlink

/// What the daemon takes of the machine, asked of the kernel.
extension Daemon {
    /// A line of /proc/PID/status, in bytes: `VmRSS`, `VmHWM`.
    func memory(_ field: String) throws -> Int {
        let line = try readText("/proc/\(process.pid)/status").split(separator: "\n").first {
            $0.hasPrefix(field + ":")
        }
        let words = try #require(line).split(whereSeparator: { $0 == " " || $0 == "\t" })
        return try #require(Int(words[1])) << 10
    }

    /// How many files it has open.
    func descriptors() throws -> Int {
        guard let stream = opendir("/proc/\(process.pid)/fd") else { throw TestFailure("no /proc/PID/fd") }
        defer { closedir(stream) }
        var count = -2
        while readdir(stream) != nil { count += 1 }
        return count
    }

    /// What all its threads have used of processors, in seconds.
    func processorSeconds() throws -> Double {
        let stat = try readText("/proc/\(process.pid)/stat")
        let fields = try #require(stat.lastIndex(of: ")").map { stat[$0...].split(separator: " ") })
        // utime and stime, fields 14 and 15 of proc(5).
        let ticks = try #require(Double(fields[12])) + #require(Double(fields[13]))
        return ticks / Double(sysconf(CInt(_SC_CLK_TCK)))
    }

    /// What `status` says.
    func status() throws -> JSON { try JSON(parsing: try output("status", "--format", "json")) }

    /// Asks for its status until it is as wanted. Fails after two minutes.
    @discardableResult
    func status(until isWanted: (JSON) -> Bool) throws -> JSON {
        let end = ContinuousClock.now + .seconds(120)
        while true {
            let status = try status()
            if isWanted(status) { return status }
            guard ContinuousClock.now < end else { throw TestFailure("the status stays \(status)") }
        }
    }
}

/// Measured times, in milliseconds.
struct Latencies {
    private(set) var values: [Double] = []

    mutating func measure(_ body: () throws -> Void) rethrows {
        let began = ContinuousClock.now
        try body()
        let took = (ContinuousClock.now - began).components
        values.append(Double(took.seconds) * 1000 + Double(took.attoseconds) / 1e15)
    }

    /// The value below which this share of all lies.
    func quantile(_ share: Double) -> Double {
        let sorted = values.sorted()
        guard let last = sorted.last else { return .infinity }
        let index = Int(Double(sorted.count) * share)
        return index < sorted.count ? sorted[index] : last
    }

    var text: String {
        func whole(_ share: Double) -> Int { Int(quantile(share).rounded()) }
        return "median \(whole(0.5)) ms, p99 \(whole(0.99)) ms, worst \(whole(1)) ms"
    }
}
