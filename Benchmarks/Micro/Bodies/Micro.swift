import Glibc

/// The innermost work of memwatch, once each, for Benchmarks/micro.py to count under callgrind.
///
///     memwatch-micro list
///     memwatch-micro NAME DIRECTORY ROUNDS
///
/// NAME is prepared, done once so that everything has its room, and then done ROUNDS times inside
/// ``memwatchMicroMeasured()``: counting is switched on by that function's name, so that start-up and
/// preparation are not in the figure. DIRECTORY is empty and may be written to.
///
/// Everything handled is the same in every run: made here by a fixed rule, never a live process.
@main
struct Micro {
    static func main() {
        let words = CommandLine.arguments
        if words.count == 2, words[1] == "list" {
            for body in Body.allCases { print(body.rawValue) }
            return
        }
        guard words.count == 4, let body = Body(rawValue: words[1]), let rounds = Int(words[3]), rounds > 0
        else { fail("usage: memwatch-micro list | NAME DIRECTORY ROUNDS", 64) }
        do {
            let work = try body.prepared(in: words[2])
            let warm = try work()
            for _ in 0..<rounds {
                measured = { result = Result(catching: work) }
                memwatchMicroMeasured()
            }
            // A body that does nothing would be the fastest of all.
            guard let result, try result.get() == warm, warm > 0 else {
                fail("memwatch-micro: \(words[1]) did not do the same twice", 70)
            }
            print(warm)
        } catch {
            fail("memwatch-micro: \(error)", 70)
        }
    }

    // One thread, before and after the one call.
    nonisolated(unsafe) static var measured: () -> Void = {}
    nonisolated(unsafe) private static var result: Result<Int, any Error>?

    private static func fail(_ message: String, _ status: Int32) -> Never {
        // stderr is a variable that anybody may change; its descriptor is not.
        _ = message.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        _ = write(STDERR_FILENO, "\n", 1)
        exit(status)
    }
}

/// What is counted: a function of this name, which the optimiser must not take apart.
@inline(never)
func memwatchMicroMeasured() { Micro.measured() }
