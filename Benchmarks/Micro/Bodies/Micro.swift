import Glibc

/// The innermost work of memwatch, once each, for Benchmarks/micro.py to count under callgrind.
///
///     memwatch-micro list
///     memwatch-micro NAME DIRECTORY
///
/// NAME is prepared, done once so that everything has its room, and then done once more inside
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
        guard words.count == 3, let body = Body(rawValue: words[1]) else {
            fail("usage: memwatch-micro list | NAME DIRECTORY", 64)
        }
        do {
            let work = try body.prepared(in: words[2])
            let warm = try work()
            measured = { result = Result(catching: work) }
            memwatchMicroMeasured()
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

/// What is counted: a function of this name, which no optimiser takes apart.
@_cdecl("memwatch_micro_measured")
@inline(never)
func memwatchMicroMeasured() { Micro.measured() }
