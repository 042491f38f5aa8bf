import Glibc
import TestSupport
import Testing
import Varlink

@Suite("Command line without a daemon")
struct CommandLineTests {
    /// One line on standard error that begins with the program's and the command's name, nothing
    /// on standard output, and that status.
    func expectRefusal(
        _ run: ClientRun, _ status: Int32, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(run.exit == .status(status), sourceLocation: sourceLocation)
        #expect(run.output == "", sourceLocation: sourceLocation)
        #expect(run.errors.contains(text), "\(run.errors)", sourceLocation: sourceLocation)
        #expect(run.errors.hasPrefix("memwatch: "), sourceLocation: sourceLocation)
        #expect(run.errors.filter { $0 == "\n" }.count == 1, "\(run.errors)", sourceLocation: sourceLocation)
        #expect(run.errors.hasSuffix("\n"), sourceLocation: sourceLocation)
    }

    @Test(
        "bad input is one line that says what would be right, and status 64",
        arguments: [
            (["regions"], "see 'memwatch help regions'"),
            (["regions", "12x"], "regions: '12x' is not a pid"),
            (["regions", ""], "'' is not a pid"),
            (["regions", "0"], "'0' is out of range: a pid is 1 to 4194304"),
            (["regions", "-5"], "'-5' is out of range"),
            (["regions", "4194305"], "out of range"),
            (["regions", "99999999999999999999"], "out of range"),
            (["regions", "1", "--kind", "heap,foo"], "no kind 'foo': choose from text, rodata"),
            (["regions", "1", "--kind", "heap,"], "no kind ''"),
            (["regions", "1", "--format", "xml"], "'table', 'json', 'ndjson'"),
            (["regions", "1", "--at", "yesterday"], "--at: 'yesterday' is not a time"),
            (["regions", "1", "--start", "now"], "say --at"),
            (["regions", "1", "--frob"], "see 'memwatch help regions'"),
            (["history", "1", "--since", "now", "--until", "-15m"], "is after --until"),
            (["history", "1", "--since", "-15"], "--since: '-15' is not a time"),
            (["history", "1", "--step", "5"], "--step: '5' is not a duration"),
            (["history"], "say whose history: a pid, or --unit"),
            (["history", "1", "--unit", "x.service"], "say whose history"),
            (["history", "--unit", "x.service", "--start", "now"], "say which pid"),
            (["diff", "1", "--from", "now"], "see 'memwatch help diff'"),
            (["diff", "1", "--from", "now", "--to", "-15m"], "is after --to"),
            (["diff", "1", "--from", "soon", "--to", "now"], "--from: 'soon' is not a time"),
            (["events", "1", "--unit", "x.service"], "not both"),
            (["events", "--event", "boom"], "no event 'boom': choose from attached"),
            (["events", "--follow", "--until", "now"], "leave out --until"),
            (["events", "--start", "now"], "say which pid"),
            (["attach"], "say what to watch"),
            (["attach", "1", "--comm", "x"], "say what to watch"),
            (["attach", "--comm", "[a"], "--comm: "),
            (["attach", "1", "--interval", "soon"], "--interval: 'soon' is not a duration"),
            (["detach"], "say what to end"),
            (["detach", "1", "--all"], "say what to end"),
            (["list", "--socket", ""], "--socket is empty"),
            (["list", "--socket", String(repeating: "x", count: 108)], "path of 108 bytes"),
            (["frob"], "see 'memwatch --help'"),
            (["help", "frob"], "no command 'frob'"),
            (["regions", "a\u{1b}[2Jb\nc"], "'a\\x1b[2Jb\\nc' is not a pid"),
        ])
    func usage(arguments: [String], text: String) throws {
        expectRefusal(try Client.finish(try Client.start(arguments)), 64, text)
    }

    @Test(
        "without a daemon, what needs one says how to start it, with status 69",
        arguments: [
            ["list"], ["status"], ["history", "1"], ["events"], ["events", "--follow"], ["attach", "1"],
            ["detach", "1"], ["regions", "1", "--at", "-15m"], ["history", "--unit", "x.service"],
            ["diff", "1", "--from", "-15m", "--to", "now"],
        ])
    func noDaemon(arguments: [String]) throws {
        let run = try Client.finish(try Client.start(arguments))
        expectRefusal(run, 69, "no daemon at /nonexistent/memwatch.socket: start one with 'memwatchd")
        let system = try Client.bash("unset MEMWATCH_SOCKET; exec $memwatch list --socket /nonexistent/s")
        expectRefusal(system, 69, "memwatch: list: no daemon at /nonexistent/s")
    }

    @Test("a socket file that nobody listens at, and a file that is none, are no daemon")
    func staleSocket() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("", to: "file")
        expectRefusal(try Client.run("list", "--socket", file), 69, "is no socket")
    }

    @Test("a process that is not there is status 66")
    func noProcess() throws {
        expectRefusal(try Client.run("regions", "4194304"), 66, "regions: no process 4194304: ")
    }

    @Test(
        "a kernel thread has no memory, with status 66",
        .requires(
            "kernel-thread", (try? readText("/proc/2/status"))?.contains("Kthread:\t1") ?? false,
            "pid 2 is no kernel thread here, or the kernel does not say so (before 6.8)"))
    func kernelThread() throws {
        expectRefusal(try Client.run("regions", "2"), 66, "process 2 is a kernel thread")
    }

    @Test("a zombie has no memory, with status 66")
    func zombie() throws {
        let child = try ChildProcess("true")
        var info = siginfo_t()
        #expect(waitid(P_PID, id_t(child.pid), &info, WEXITED | WNOWAIT) == 0)
        expectRefusal(try Client.run("regions", "\(child.pid)"), 66, "process \(child.pid) is a zombie")
        try child.waitForExit()
    }

    @Test("another user's process is status 77", .requiresRoot, .requiresTool("setpriv"))
    func anotherUser() throws {
        let client = try Client.copyForAll()
        let child = try ChildProcess(
            Client.asStranger[0], Client.asStranger.dropFirst() + [client.path, "regions", "\(getpid())"],
            environment: Client.environment)
        expectRefusal(try Client.finish(child), 77, "not permitted")
    }

    @Test("regions need no daemon, and their summary adds up to VmSize to the byte")
    func regions() throws {
        let child = try ChildProcess("cat")
        // cat has started its work when it answers, so its memory does not change any more.
        try child.send("x\n")
        _ = try child.nextLine()
        let run = try Client.run("regions", "\(child.pid)", "--summary", "--format", "json")
        #expect(run.exit == .status(0))
        #expect(run.errors == "")
        let sizes = try #require(try JSON(parsing: run.output).arrayValue).compactMap {
            $0["size"]?.integerValue
        }
        let pages = try #require(Int64(try readText("/proc/\(child.pid)/statm").prefix { $0 != " " }))
        #expect(sizes.reduce(0, +) == pages * Int64(sysconf(Int32(_SC_PAGESIZE))))
        let table = try Client.run("regions", "\(child.pid)", "--kind", "stack,heap")
        #expect(table.output.contains("stack  [stack]\n"))
        #expect(table.output.split(separator: "\n").last?.hasPrefix("total ") ?? false)
    }

    @Test(
        "help and version go to standard output, with status 0",
        arguments: [[], ["--help"], ["help", "events"], ["--version"]])
    func help(arguments: [String]) throws {
        let run = try Client.finish(try Client.start(arguments))
        #expect(run.exit == .status(0))
        #expect(run.errors == "")
        #expect(run.output.contains(arguments == ["--version"] ? "memwatch 0." : "USAGE: memwatch"))
    }

    @Test("a pipe whose reader has gone is the end, and no error", arguments: ["table", "json", "csv"])
    func closedPipe(format: String) throws {
        // The process substitution has ended before the client starts.
        let run = try Client.bash(
            "exec 3> >(:); wait $!; $memwatch regions $$ --format \(format) >&3; exit $?")
        #expect(run.exit == .status(0))
        #expect(run.errors == "")
    }

    @Test("output that cannot be written is status 70", arguments: ["regions $$", "--help"])
    func fullDisk(command: String) throws {
        for target in ["> /dev/full", ">&-"] {
            let run = try Client.bash("$memwatch \(command) \(target); exit $?")
            expectRefusal(run, 70, "cannot write standard output: ")
        }
    }
}
