import Glibc
import Inspection
import MemoryModel
import ProcFS
import Tracing

/// What memwatch does to a process, done many times, for Benchmarks/run.py to compare with the floor.
///
///     memwatch-bench first|later|unchanged|tick ROUNDS PID...
///
/// | word | one round does, for each process |
/// |---|---|
/// | `first` | a look by somebody who never saw it: read, parse, ELF headers, classify, totals |
/// | `later` | a full look by somebody who knows it: read, parse, find every area as it was |
/// | `unchanged` | the one thing a tick asks while nothing changes: one pread of statm |
/// | `tick` | the daemon's whole tick over all of them, nothing changed: timer, threads, one pread each |
///
/// ELF headers come from where the daemon gets them: of a file that many processes map they are read once.
/// Prints one JSON line like Benchmarks/Floor/floor.c.
@main
struct Bench {
    static func main() async {
        let words = CommandLine.arguments.dropFirst()
        guard words.count >= 3, let mode = words.first, let rounds = Int(words.dropFirst().first ?? ""),
            rounds > 0
        else { fail("usage: memwatch-bench first|later|unchanged|tick ROUNDS PID...", status: 64) }
        let pids = words.dropFirst(2).compactMap { Int32($0) }
        do {
            switch mode {
            case "first":
                let images = DeferredImageSource()
                var last = pids.map { _ in KindTotals?.none }
                try measure(rounds, pids) { directory, index in try first(directory, images, &last[index]) }
            case "later":
                let images = DeferredImageSource()
                var known = try pids.map { pid in
                    TargetInspector(directory: try ProcRoot().open(pid: pid), images: images)
                }
                for index in known.indices { _ = try known[index].look(at: .now) }
                try measureIndices(rounds, known.indices) { index in
                    let outcome = try known[index].look(at: .now)
                    // A look that found a change would cost more than what is measured here.
                    if outcome.previous != nil {
                        fail("memwatch-bench: process \(pids[index]) changed", status: 75)
                    }
                }
            case "unchanged": try measure(rounds, pids) { directory, _ in _ = try directory.statm() }
            case "tick": try await ticks(rounds, pids)
            default: fail("memwatch-bench: \(mode) is none of first, later, unchanged, tick", status: 64)
            }
        } catch {
            fail("memwatch-bench: \(error)", status: 66)
        }
    }

    private static func first(
        _ directory: ProcessDirectory, _ images: DeferredImageSource, _ last: inout KindTotals?
    ) throws {
        var inspector = TargetInspector(directory: directory, images: images)
        _ = try inspector.look(at: .now)
        // The very first is compared with nothing, and that round is not measured.
        if last.map({ $0 != inspector.totals }) ?? false {
            fail("memwatch-bench: the process changed", status: 75)
        }
        last = inspector.totals
    }

    private static func measure(
        _ rounds: Int, _ pids: [Int32], _ body: (ProcessDirectory, Int) throws -> Void
    ) throws {
        let directories = try pids.map { pid in try ProcRoot().open(pid: pid) }
        // The first use of a descriptor opens it; that is not what is asked.
        for (index, directory) in directories.enumerated() { try body(directory, index) }
        try measureIndices(rounds, directories.indices) { try body(directories[$0], $0) }
    }

    /// Ticks of a real tracer, ten a second, full looks left out: those are measured by `later`. The processor
    /// time is the whole program's, with every thread and timer that a tick needs.
    private static func ticks(_ rounds: Int, _ pids: [Int32]) async throws {
        var timing = TracerTiming()
        timing.fullLookMicroseconds = 3_600_000_000
        timing.sampleMicroseconds = 3_600_000_000
        let tracer = Tracer(images: DeferredImageSource(), timing: timing) { _ in }
        let running = Task { await tracer.run() }
        for pid in pids {
            let candidate = try await tracer.open(pid: pid)
            _ = await tracer.attach(candidate, options: TargetOptions(intervalMicroseconds: 100_000))
        }
        try await Task.sleep(for: .seconds(1))
        let before = (tracer.counts, now(CLOCK_PROCESS_CPUTIME_ID), now(CLOCK_MONOTONIC))
        try await Task.sleep(for: .milliseconds(100 * rounds))
        let after = (tracer.counts, now(CLOCK_PROCESS_CPUTIME_ID), now(CLOCK_MONOTONIC))
        running.cancel()
        let ticks = Int(after.0.ticks - before.0.ticks)
        if ticks == 0 { fail("memwatch-bench: no tick came", status: 70) }
        report(
            rounds: ticks, processes: pids.count, cpu: after.1 - before.1, wall: after.2 - before.2,
            ",\"looks\":\(after.0.looks - before.0.looks),\"late\":\(after.0.lateTicks - before.0.lateTicks)")
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
        report(rounds: rounds, processes: indices.count, cpu: cpu, wall: wall)
    }

    private static func report(
        rounds: Int, processes: Int, cpu: Int, wall: Int, _ more: String = ""
    ) {
        print(
            "{\"rounds\":\(rounds),\"processes\":\(processes),\"cpu_ns\":\(cpu),\"wall_ns\":\(wall)\(more)}")
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
