import Glibc
import Inspection
import MemoryModel
import ProcFS
import Tracing

/// What memwatch does to a process, done many times, for Benchmarks/run.py to compare with the floor.
///
///     memwatch-bench first|later|unchanged ROUNDS PID...
///
/// | word | one round does, for each process |
/// |---|---|
/// | `first` | a look by somebody who never saw it: read, parse, ELF headers, classify, compare |
/// | `later` | a full look by somebody who knows it: read, parse, find every area as it was |
/// | `unchanged` | what a tick does between full looks while nothing changes: one pread of statm |
///
/// Prints one JSON line like Benchmarks/Floor/floor.c.
@main
struct Bench {
    static func main() {
        let words = CommandLine.arguments.dropFirst()
        guard words.count >= 3, let mode = words.first, let rounds = Int(words.dropFirst().first ?? ""),
            rounds > 0
        else { fail("usage: memwatch-bench first|later|unchanged ROUNDS PID...", status: 64) }
        let pids = words.dropFirst(2).compactMap { Int32($0) }
        do {
            switch mode {
            case "first":
                var last: [Region] = []
                try measure(rounds, pids) { directory in try first(directory, &last) }
            case "later":
                var known = try pids.map { pid in
                    TargetInspector(directory: try ProcRoot().open(pid: pid), images: DirectImageSource())
                }
                for index in known.indices { _ = try known[index].look(at: .now) }
                try measureIndices(rounds, known.indices) { index in
                    let outcome = try known[index].look(at: .now)
                    // A look that found a change would cost more than what is measured here.
                    if outcome.previous != nil {
                        fail("memwatch-bench: process \(pids[index]) changed", status: 75)
                    }
                }
            case "unchanged": try measure(rounds, pids) { directory in _ = try directory.statm() }
            default: fail("memwatch-bench: \(mode) is none of first, later, unchanged", status: 64)
            }
        } catch {
            fail("memwatch-bench: \(error)", status: 66)
        }
    }

    private static func first(_ directory: ProcessDirectory, _ last: inout [Region]) throws {
        var inspector = TargetInspector(directory: directory, images: DirectImageSource())
        _ = try inspector.look(at: .now)
        let (changes, _) = MapComparison.compare(from: last, to: inspector.regions)
        // The very first is compared with nothing, and that round is not measured.
        if !last.isEmpty, !changes.isEmpty { fail("memwatch-bench: the process changed", status: 75) }
        last = inspector.regions
    }

    private static func measure(
        _ rounds: Int, _ pids: [Int32], _ body: (ProcessDirectory) throws -> Void
    ) throws {
        let directories = try pids.map { pid in try ProcRoot().open(pid: pid) }
        // The first use of a descriptor opens it; that is not what is asked.
        for directory in directories { try body(directory) }
        try measureIndices(rounds, directories.indices) { try body(directories[$0]) }
    }

    private static func measureIndices(
        _ rounds: Int, _ indices: Range<Int>, _ body: (Int) throws -> Void
    ) throws {
        var cpu = now(CLOCK_PROCESS_CPUTIME_ID)
        var wall = now(CLOCK_MONOTONIC)
        for _ in 0..<rounds {
            for index in indices { try body(index) }
        }
        cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu
        wall = now(CLOCK_MONOTONIC) - wall
        print(
            "{\"rounds\":\(rounds),\"processes\":\(indices.count),\"cpu_ns\":\(cpu),\"wall_ns\":\(wall)}")
    }

    private static func now(_ clock: clockid_t) -> Int {
        var time = timespec()
        clock_gettime(clock, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        _ = message.withCString { write(2, $0, strlen($0)) }
        _ = write(2, "\n", 1)
        exit(status)
    }
}
