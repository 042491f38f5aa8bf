import Glibc
import TestSupport
import Testing
import Varlink

@Suite("run: a program under watch from its first instruction to its end", .timeLimit(.minutes(5)))
struct RunTests {
    /// Where the run's daemon makes its directory; it must be empty afterwards.
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        chmod(directory.path, 0o777)
    }

    private func start(_ words: [String], through wrapper: [String] = []) throws -> ChildProcess {
        let all = wrapper + [try builtProduct("memwatch"), "run"] + words
        // No daemon there is may be asked.
        return try ChildProcess(
            all[0], Array(all.dropFirst()),
            environment: ["XDG_RUNTIME_DIR": directory.path, "MEMWATCH_SOCKET": "/nonexistent/socket"])
    }

    private func run(_ words: String..., input: String = "") throws -> ClientRun {
        let child = try start(words)
        if !input.isEmpty { try child.send(input) }
        let run = try Client.finish(child)
        #expect(try left() == [], "\(run.errors)")
        return run
    }

    private func left() throws -> [String] {
        try TestSupport.run("ls", ["-A", directory.path]).split(separator: "\n").map(String.init)
    }

    private func summary(_ words: String...) throws -> JSON {
        let child = try start(["--format", "json", "--"] + words)
        let run = try Client.finish(child)
        #expect(run.exit == .status(0), "\(run.errors)")
        // Behind what the program wrote.
        return try JSON(parsing: String(try #require(run.output.split(separator: "\n").last)))
    }

    @Test("its streams are its own, its status is passed on, and the summary is on standard error")
    func streams() throws {
        let cat = try run("--", "cat", input: "hello\n")
        #expect(cat.exit == .status(0) && cat.output == "hello\n")
        #expect(cat.errors.hasPrefix("memwatch: ended after") && cat.errors.contains("peak virtual"))
        let failing = try run("--", "sh", "-c", "echo to stderr >&2; exit 3")
        #expect(failing.exit == .status(3) && failing.output == "")
        #expect(failing.errors.hasPrefix("to stderr\n") && failing.errors.contains("ended with status 3"))
        #expect(try run("--", "sh", "-c", "kill -SEGV $$").exit == .signal(SIGSEGV))
    }

    @Test("what cannot be run has the statuses that shells give it")
    func notRun() throws {
        let missing = try run("--", "no-such-program")
        #expect(missing.exit == .status(127) && missing.errors.contains("no-such-program"))
        #expect(try run("--", "/etc/passwd").exit == .status(126))
        #expect(try run().exit == .status(64) && run("true").exit == .status(64))
        // Said before it runs, not after an hour.
        for option in ["--output", "--report"] {
            let run = try run("--interval", "1s", option, "/nonexistent/x", "--", "echo", "ran")
            #expect(run.exit == .status(64) && run.output == "" && run.errors.contains("'/nonexistent/x'"))
        }
    }

    @Test("a file that cannot take it all is named, and what was in one goes only for what takes its place")
    func files() throws {
        for option in ["--output", "--report"] {
            let run = try run(option, "/dev/full", "--", "true")
            #expect(
                run.exit == .status(70) && run.errors.contains("cannot write '/dev/full': "), "\(run.errors)")
        }
        let place = try TemporaryDirectory()
        try place.write("the summary before\n", to: "summary")
        let path = place.file("summary")
        let cat = try run("--output", path, "--", "sh", "-c", "cat \(path)")
        #expect(cat.output == "the summary before\n")
        #expect(try readText(place.file("summary")).hasPrefix("memwatch: ended after"))
    }

    @Test("what memgrow got is in the summary, by kind, with its calls")
    func peaks() throws {
        let found = try summary(
            try builtProduct("memgrow"), "malloc", "--size", "1MiB", "--count", "8", "--free")
        let process = try #require(found["processes"]?.arrayValue?.first)
        #expect(found["processes"]?.arrayValue?.count == 1 && process["comm"] == "memgrow")
        #expect(found["status"] == 0 && found["signal"] == .null)
        let anon = try #require(process["peak_kinds"]?["anon"]?.integerValue)
        #expect(anon >= 8 << 20 && anon < 12 << 20)
        // Nothing of the program that waited to become it.
        let heap = try #require(process["peak_kinds"]?["heap"]?.integerValue)
        #expect(heap > 0 && heap <= 264 << 10)
        #expect(try #require(found["mmap_calls"]?.integerValue) >= 8)
    }

    @Test(
        "children are in it, and a process of two milliseconds with what it had", .requiresKernelRecords,
        .requiresTool("cc"))
    func shortLived() throws {
        let program = try CProgram(
            """
            #include <string.h>
            #include <sys/mman.h>
            #include <sys/wait.h>
            #include <unistd.h>
            int main(void) {
                for (int i = 1; i <= 3; i++) {
                    if (fork() == 0) {
                        mmap(0, (size_t)i << 26, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                        _exit(0);
                    }
                    wait(0);
                }
                return 0;
            }
            """)
        let found = try summary(program.path)
        let processes = try #require(found["processes"]?.arrayValue)
        #expect(processes.count == 4)
        let peaks = processes.dropFirst().compactMap { $0["peak_kinds"]?["anon"]?.integerValue }.sorted()
        #expect(
            zip(peaks, [1, 2, 3]).allSatisfy { $0 >= Int64($1) << 26 && $0 < (Int64($1) << 26) + 4 << 20 },
            "\(peaks)")
    }

    @Test(
        "of a thousand forks each is counted: followed, or told as one that came too fast",
        .requiresKernelRecords, .requiresTool("cc"))
    func manyForks() throws {
        let program = try CProgram(
            """
            #include <sys/wait.h>
            #include <unistd.h>
            int main(void) {
                for (int i = 0; i < 1000; i++) {
                    if (fork() == 0) _exit(0);
                    wait(0);
                }
                return 0;
            }
            """)
        let found = try summary(program.path)
        let count = try #require(found["process_count"]?.integerValue)
        let dropped = try #require(found["forks_dropped"]?.integerValue)
        #expect(count > 1 && count + dropped == 1_001, "\(count) followed, \(dropped) too fast")
        #expect(try #require(found["processes"]?.arrayValue).count == min(Int(count), 1_000))
    }

    @Test("its report is a page about the program")
    func report() throws {
        let page = directory.file("report.html")
        let child = try start([
            "--report", page, "--", try builtProduct("memgrow"), "malloc", "--size", "64KiB", "--count", "9",
        ])
        let run = try Client.finish(child)
        #expect(run.exit == .status(0), "\(run.errors)")
        let text = try readText(page)
        #expect(text.hasPrefix("<!DOCTYPE html>") && text.contains("brk-grow"))
        #expect(try left() == ["report.html"])
    }

    @Test("signals are passed on, and what the program makes of them")
    func signals() throws {
        let child = try start([
            "--", "sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done",
        ])
        #expect(try child.nextLine() == "ready")
        child.signal(SIGTERM)
        let run = try Client.finish(child)
        #expect(run.exit == .status(7) && run.errors.contains("ended with status 7"))
        #expect(try left() == [])
    }

    @Test("a program gets the very bytes of its arguments, and may be called by bytes that are no UTF-8")
    func bytes() throws {
        let place = try TemporaryDirectory()
        // A shell writes what Swift's strings cannot hold.
        let script = """
            cp "$(command -v cat)" "$1/$(printf 'c\\377t')"
            exec "$2" run -- "$1/$(printf 'c\\377t')" "$(printf '%s/\\376' "$1")"
            """
        try TestSupport.run("sh", ["-c", "echo found >\"$0/$(printf '\\376')\"", place.path])
        let child = try ChildProcess(
            "sh", ["-c", script, "sh", place.path, try builtProduct("memwatch")],
            environment: ["XDG_RUNTIME_DIR": directory.path, "MEMWATCH_SOCKET": "/nonexistent/socket"])
        let run = try Client.finish(child)
        #expect(run.exit == .status(0) && run.output == "found\n", "\(run.errors)")
    }

    @Test("what ended before it was looked at has its name, and no sizes rather than 0", .requiresTool("cc"))
    func unseen() throws {
        let filter = try CProgram(RefusedRecordsTests.filter)
        // Each may be seen by chance: a look takes place when the daemon first waits.
        for _ in 0..<20 {
            let child = try start(
                ["--interval", "1h", "--format", "json", "--", "true"], through: [filter.path])
            let run = try Client.finish(child)
            #expect(run.exit == .status(0), "\(run.errors)")
            let found = try JSON(parsing: run.output)
            let process = try #require(found["processes"]?.arrayValue?.first)
            #expect(found["event_source"] == "sampling" && process["comm"] == "true")
            guard process["peak_vm_size"] == .null else { continue }
            #expect(process["peak_kinds"] == .null && process["peak_rss"] == .null)
            #expect(found["mmap_calls"] == .null && found["brk_calls"] == .null)
            let text = try Client.finish(
                try start(["--interval", "1h", "--", "true"], through: [filter.path]))
            #expect(!text.errors.contains(" 0 B"), "\(text.errors)")
            return
        }
        Issue.record("it was seen each time")
    }

    @Test("it needs no root", .requiresRoot, .requiresTool("setpriv"))
    func ordinaryUser() throws {
        let strangers = try Strangers()
        let words =
            Strangers.setpriv(Strangers.one) + [
                strangers.client, "run", "--format", "json", "--", "cat", "/dev/null",
            ]
        try TestSupport.run(
            "cp",
            [
                try builtProduct("memwatchd"),
                String(strangers.client.dropLast("memwatch".count)) + "memwatchd",
            ])
        let child = try ChildProcess(
            words[0], Array(words.dropFirst()),
            environment: [
                "XDG_RUNTIME_DIR": directory.path, "MEMWATCH_SOCKET": "/nonexistent/socket", "HOME": "/",
            ])
        let run = try Client.finish(child)
        #expect(run.exit == .status(0), "\(run.errors)")
        #expect(try JSON(parsing: run.output)["processes"]?.arrayValue?.first?["comm"] == "cat")
        #expect(try left() == [])
    }
}
