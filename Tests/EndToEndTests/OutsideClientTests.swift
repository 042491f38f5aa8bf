import Glibc
import TestSupport
import Testing
import Varlink

@Suite("Clients that memwatch did not write", .timeLimit(.minutes(5)))
struct OutsideClientTests {
    /// A process that grew twice under watch.
    private func grown(_ daemon: Daemon) throws -> (memgrow: Memgrow, follower: Follower) {
        let memgrow = try Memgrow("mmap", "--count", "1", "--size", "192KiB", "--step", "--hold")
        let follower = try daemon.attach(memgrow.pid)
        for _ in 0..<2 {
            _ = try memgrow.step()
            try follower.wait(for: "mmap")
        }
        return (memgrow, follower)
    }

    @Test("the command line of PyPI's varlink introspects and calls the daemon", .requiresPythonVarlink)
    func pythonVarlink() throws {
        let daemon = try Daemon()
        let (memgrow, _) = try grown(daemon)
        let address = "unix:" + daemon.socket
        let info = try PythonVarlink.cli("info", address)
        #expect(info.contains("Product: memwatchd") && info.contains("org.memwatch.Monitor"))
        let help = try PythonVarlink.cli("help", address + "/org.memwatch.Monitor")
        #expect(help.contains("interface org.memwatch.Monitor") && help.contains("method Attach"))
        func call(_ method: String, _ parameters: String) throws -> JSON {
            let output = try PythonVarlink.cli(
                "call", address + "/org.memwatch.Monitor." + method, parameters)
            return try JSON(parsing: output)
        }
        let pid = "\(memgrow.pid)"
        let one = "{\"pid\": \(pid)}"
        #expect(try call("Status", "{}")["targets"] == 1)
        for (method, parameters, rows, command) in [
            ("List", "{}", "targets", ["list"]), ("Regions", one, "regions", ["regions", pid]),
            ("Events", one, "events", ["events", pid]), ("History", one, "samples", ["history", pid]),
        ] {
            let theirs = try #require(try call(method, parameters)[rows])
            let ours = try Client.run(command + ["--format", "json"], socket: daemon.socket)
            // Python's dictionaries are printed in the order of their keys.
            #expect(sorted(theirs) == sorted(try JSON(parsing: ours.output)), "\(method)")
            #expect(theirs.arrayValue?.isEmpty == false, "\(method)")
        }
        #expect(try call("Detach", one)["detached"] == 1)
    }

    @Test("the documentation's Python programs run as they stand", .requiresPythonVarlink)
    func pythonPrograms() throws {
        let daemon = try Daemon()
        // Nothing tells when somebody follows: this one grows until they do.
        let memgrow = try Memgrow(
            "sbrk", "--size", "4KiB", "--count", "50000", "--interval", "50ms", "--keep")
        _ = try daemon.attach(memgrow.pid)
        let programs = try Document.blocks("python", in: "docs/varlink.md")
        #expect(programs.count == 2)
        for program in programs {
            let here = program.replacing(each: "/run/memwatch/org.memwatch.Monitor", with: daemon.socket)
                .replacing(each: "812", with: "\(memgrow.pid)")
            let child = try ChildProcess(try PythonVarlink.python.get(), ["-u", "-c", here])
            child.closeInput()
            let line = try child.nextLine()
            if here.contains("follow=True") {
                #expect(line == "\(memgrow.pid) memgrow running", "\(child.errorText())")
                #expect(try child.nextLine()?.contains(" brk-grow ") == true, "\(child.errorText())")
                child.signal(SIGTERM)
            } else {
                #expect(line?.hasSuffix(" heap") == true, "\(child.errorText())")
                _ = try child.remainingOutput()
                #expect(try child.waitForExit() == .status(0), "\(child.errorText())")
            }
        }
    }

    @Test(
        "sqlite3's views give, while the daemon writes, the bytes that memwatch gives",
        .requiresTool("sqlite3"))
    func views() throws {
        let daemon = try Daemon()
        let (memgrow, _) = try grown(daemon)
        let pid = memgrow.pid
        func rows(_ query: String) throws -> [JSON] {
            let output = try run("sqlite3", ["-readonly", "-json", daemon.database, query])
            return try #require(try JSON(parsing: output).arrayValue)
        }
        let samples = try rows("SELECT * FROM samples WHERE pid = \(pid) ORDER BY time_us")
        let history = try daemon.records("history", "\(pid)")
        #expect(samples.count == history.count && history.count >= 3)
        for (row, sample) in zip(samples, history) {
            for (name, value) in try #require(sample.objectValue)
            where name != "kinds" && name != "consistent" {
                #expect(row[name] == value, "\(name)")
            }
            for (kind, bytes) in try #require(sample["kinds"]?.objectValue) {
                #expect(row[kind.replacing(each: "-", with: "_")] == bytes, "\(kind)")
            }
            #expect(row["consistent"] == 1 && sample["consistent"] == true)
        }
        let events = try rows("SELECT * FROM events WHERE pid = \(pid) ORDER BY id")
        let told = try daemon.records("events", "\(pid)")
        #expect(events.count == told.count && told.count >= 3)
        for (row, event) in zip(events, told) {
            for (name, value) in try #require(event.objectValue) { #expect(row[name] == value, "\(name)") }
        }
        let kept = try rows(
            "SELECT * FROM regions WHERE pid = \(pid) AND died_us IS NULL ORDER BY length(start), start")
        let regions = try daemon.records("regions", "\(pid)", "--at", "now")
        #expect(kept.count == regions.count)
        for (row, region) in zip(kept, regions) {
            for (name, value) in try #require(region.objectValue) where name != "origin" {
                #expect(row[name] == value, "\(name)")
            }
        }
        try daemon.stop()
    }

    @Test("the schema document's queries run as they stand", .requiresTool("sqlite3"))
    func queries() throws {
        let daemon = try Daemon()
        let (memgrow, _) = try grown(daemon)
        let queries = try Document.blocks("sql", in: "docs/history-schema.md")
        #expect(queries.count >= 5)
        // dbstat is an option of SQLite's build that not every sqlite3 has.
        for query in queries where !query.contains("dbstat") {
            let here = query.replacing(each: "812", with: "\(memgrow.pid)")
            let child = try ChildProcess("sqlite3", ["-readonly", "-bail", daemon.database, here])
            child.closeInput()
            _ = try child.remainingOutput()
            #expect(try child.waitForExit() == .status(0), "\(query): \(child.errorText())")
        }
    }

    @Test(
        "the README's examples run as they stand, and say something", .requiresTool("jq"),
        .requiresTool("sqlite3"))
    func readme() throws {
        let daemon = try Daemon()
        let (memgrow, _) = try grown(daemon)
        let examples = try Document.blocks("sh test-example", in: "README.md")
        #expect(examples.count >= 3)
        for example in examples {
            let run = try Client.shell(
                "set -eo pipefail\n" + example, socket: daemon.socket,
                ["PID": "\(memgrow.pid)", "HISTORY": daemon.database])
            #expect(run.exit == .status(0) && run.errors.isEmpty, "\(example): \(run.errors)")
            #expect(!run.output.isEmpty && run.output != "[]\n", "\(example)")
        }
    }
}

/// The same value with every object's members in the order of their names.
private func sorted(_ json: JSON) -> JSON {
    switch json {
    case .array(let elements): .array(elements.map(sorted))
    case .object(let members):
        .object(JSONObject(members.sorted { $0.0 < $1.0 }.map { ($0.0, sorted($0.1)) }))
    default: json
    }
}
