import Glibc
import History
import MemoryModel

/// What the history costs, on a simulated clock, for Benchmarks/run.py.
///
///     memwatch-bench-history size DIRECTORY
///     memwatch-bench-history ingest DIRECTORY [CHANGES-A-SECOND [SECONDS [TICKS-A-SECOND [TARGETS]]]]
///     memwatch-bench-history length DIRECTORY DAYS [DAYS-KEPT]
///     memwatch-bench-history fill DIRECTORY SAMPLES
///
/// | word | what is measured |
/// |---|---|
/// | `size` | bytes on disk for each sample, interval and event, over a day of 100 changing targets |
/// | `ingest` | how much of a second it takes to write a second's region changes (100,000, for 10 s) |
/// | `length` | a tick's write, a query, a map of some time ago and the file, after so many days |
/// | `fill` | nothing: makes the history of one process with a sample each second until now |
///
/// Each prints one JSON line. The directory must exist and is left as the history that was made; it must
/// hold none before. The same numbers are drawn in every run.
@main
struct Bench {
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        guard words.count >= 2 else {
            fail("usage: memwatch-bench-history size|ingest|length|fill DIRECTORY …", 64)
        }
        let directory = words[1]
        func number(_ index: Int, _ otherwise: Int?) -> Int {
            guard index < words.count || otherwise == nil else { return otherwise ?? 0 }
            guard index < words.count, let value = Int(words[index]), value > 0 else {
                fail("memwatch-bench-history: \(words[0]) needs a number above 0", 64)
            }
            return value
        }
        guard access(directory + "/history.sqlite", F_OK) != 0 else {
            fail("memwatch-bench-history: \(directory) holds a history already", 73)
        }
        do {
            switch words[0] {
            case "size": try Size.measure(in: directory)
            case "ingest":
                try Ingest.measure(
                    in: directory, changes: number(2, 100_000), seconds: number(3, 10), rate: number(4, 1),
                    targetCount: number(5, 100))
            case "length": try Length.measure(in: directory, days: number(2, nil), keepDays: number(3, 400))
            case "fill": try Fill.make(in: directory, samples: number(2, nil))
            default: fail("memwatch-bench-history: \(words[0]) is none of size, ingest, length, fill", 64)
            }
        } catch {
            fail("memwatch-bench-history: \(error)", 74)
        }
    }

    private static func fail(_ message: String, _ status: Int32) -> Never {
        _ = message.withCString { write(2, $0, strlen($0)) }
        _ = write(2, "\n", 1)
        exit(status)
    }
}
