import Glibc
import MemoryModel
import MemwatchInterface
import TestSupport
import Testing
import Varlink
import VarlinkServing

@Suite("Questions to the daemon")
struct DaemonTests {
    @Test("list shows targets under the rules that hold them; as data only one of the two")
    func list() async throws {
        var rule = Examples.rule
        rule.vmSize = 48 << 20
        rule.rss = 16 << 20
        let answer: JSONObject = [
            "targets": .array([
                try Examples.target(rule: "comm:python*").json, try Examples.target(pid: 4_000_000).json,
                try Examples.target(pid: 90, rule: "child:4000000").json,
            ]),
            "rules": .array([try rule.json, try Examples.emptyRule.json]),
            "event_source_reason": "perf_event_open is refused:\u{1b}[1m run as root",
        ]
        let daemon = try FakeDaemon { _, replies in try await replies.send(answer) }
        let table = try await Client.ask(daemon, "list")
        #expect(table.exit == .status(0), "\(table.errors)")
        #expect(
            table.output == """
                    PID  COMM      STATE    INTERVAL  EVENTS    STARTED  ATTACHED                 UNIT
                comm:python*: 1 target, 48.0 MiB virtual, 16.0 MiB resident (client, every 5s, with children)
                    812  postgres  running        1s  sampling  -        2026-11-23 02:31:00.125  -
                unit:nginx.service: 0 targets (configuration, every 1s)
                child:4000000: 1 target
                     90  postgres  running        1s  sampling  -        2026-11-23 02:31:00.125  -
                attached by pid: 1 target
                4000000  postgres  running        1s  sampling  -        2026-11-23 02:31:00.125  -

                sampling: perf_event_open is refused:\\x1b[1m run as root

                """)
        let json = try await Client.ask(daemon, "list", "--all", "--format", "json")
        #expect(try JSON(parsing: json.output).arrayValue?.count == 3)
        let rules = try await Client.ask(daemon, "list", "--rules", "--format", "csv")
        #expect(
            rules.output == """
                rule,interval,children,origin,targets,vm_size,rss\r
                comm:python*,5s,true,client,2,50331648,16777216\r
                unit:nginx.service,1s,false,configuration,0,,\r

                """)
        #expect(daemon.calls.map { $0.parameters["all"]?.boolValue } == [nil, true, nil])
    }

    @Test("without rules, list is one plain table; what is gone is counted apart")
    func plainList() async throws {
        let daemon = try FakeDaemon { call, replies in
            let all = call.parameters["all"]?.boolValue == true
            let targets = [try Examples.target().json] + (all ? [try Examples.gone().json] : [])
            try await replies.send(["targets": .array(targets), "rules": []] as JSONObject)
        }
        let plain = try await Client.ask(daemon, "list")
        #expect(plain.output.split(separator: "\n").count == 2)
        let all = try await Client.ask(daemon, "list", "--all")
        #expect(all.output.contains("\nunit:nginx.service: 0 targets, 1 gone\n"))
    }

    @Test("diff is a table with totals, one JSON object, or one change a line")
    func diff() async throws {
        let daemon = try FakeDaemon { _, replies in
            var before = KindTotals()
            before[.text] = 1 << 20
            before[.anon] = 8 << 20
            var after = before
            after[.anon] = 2 << 20
            after[.heap] = 64 << 10
            let frame: JSONObject = [
                "from": .string(Examples.time.rfc3339), "to": "2026-11-23T02:32:00.000000Z",
                "kinds": try KindChanges(before: before, after: after).json, "truncated": false,
            ]
            for change in Examples.changes {
                var part = frame
                part["changes"] = [try change.json]
                try await replies.sendMore(part)
            }
            var last = frame
            last["changes"] = []
            try await replies.send(last)
        }
        let words = ["diff", "812", "--from", "@1795401060", "--to", "2026-11-23 02:32:00"]
        func ask(_ format: String) async throws -> ClientRun {
            try await offPool {
                try Client.finish(
                    try Client.start(words + ["--format", format, "--socket", daemon.socket]))
            }
        }
        let table = try await ask("table")
        #expect(table.exit == .status(0), "\(table.errors)")
        #expect(
            table.output == """
                WHAT       KIND     CHANGE      SIZE  PERMS        ADDRESS                    PATH
                grew       heap  +64.0 KiB  64.0 KiB  rw-p         556357300000-556357310000  [heap]
                vanished   anon   -6.0 MiB       0 B  rw-p         7f1000000000-7f1000600000
                protected  text        0 B   1.0 MiB  rw-p → r-xp  7f2000000000-7f2000100000  /lib/x.so

                from 2026-11-23 02:31:00.125 to 2026-11-23 02:32:00.000

                KIND   ORIGIN   BEFORE     AFTER     CHANGE
                text   image   1.0 MiB   1.0 MiB        0 B
                heap   brk         0 B  64.0 KiB  +64.0 KiB
                anon   mmap    8.0 MiB   2.0 MiB   -6.0 MiB
                total          9.0 MiB   3.1 MiB   -5.9 MiB

                """, "\(table.output)")
        let object = try #require(try JSON(parsing: try await ask("json").output).objectValue)
        #expect(object.map(\.0) == ["pid", "from", "to", "kinds", "changes"])
        #expect(object["changes"]?.arrayValue?.count == 3)
        #expect(object["kinds"]?["anon"]?["delta"] == .integer(-6 << 20))
        #expect(try await ask("ndjson").output.split(separator: "\n").count == 3)
        let csv = try await ask("csv").output.split(separator: "\r\n")
        #expect(csv.first == "change,kind,origin,delta,size,start,end,perms,perms_before,path,tid")
        #expect(
            csv.last == "protected,text,image,0,1048576,0x7f2000000000,0x7f2000100000,r-xp,rw-p,/lib/x.so,")
        #expect(
            daemon.calls.first?.parameters == [
                "pid": 812, "from": "2026-11-23T02:31:00.000000Z", "to": "2026-11-23T02:32:00.000000Z",
            ])
    }

    @Test("history and events of a unit ask by its name")
    func unit() async throws {
        let daemon = try FakeDaemon { call, replies in
            guard call.member == "History" else {
                return try await replies.send(["events": [], "truncated": false] as JSONObject)
            }
            var sum = Examples.sample()
            sum.pid = nil
            try await replies.send(["samples": [try sum.json], "truncated": false] as JSONObject)
        }
        let json = try await Client.ask(daemon, "history", "--unit", "nginx.service", "--format", "json")
        #expect(json.exit == .status(0), "\(json.errors)")
        #expect(try JSON(parsing: json.output).arrayValue?.first?["pid"] == .null)
        let csv = try await Client.ask(daemon, "history", "--unit", "nginx.service", "--format", "csv")
        #expect(csv.output.contains("\r\n2026-11-23T02:31:00.125000Z,,25165824,"))
        let table = try await Client.ask(daemon, "history", "--unit", "nginx.service")
        #expect(table.output.split(separator: "\n").count == 2)
        let events = try await Client.ask(daemon, "events", "--unit", "nginx.service", "--format", "json")
        #expect(events.output == "[]\n")
        #expect(daemon.calls.allSatisfy { $0.parameters == ["unit": "nginx.service"] })
    }

    @Test("history passes on every sample of every part, and asks in UTC")
    func history() async throws {
        let daemon = try FakeDaemon { _, replies in
            for part in 0..<20 {
                let samples = try (0..<20).map { try Examples.sample(pid: Int32(part * 20 + $0 + 1)).json }
                try await replies.sendMore(["samples": .array(samples), "truncated": false] as JSONObject)
            }
            try await replies.send(["samples": [], "truncated": false] as JSONObject)
        }
        let run = try await Client.ask(
            daemon, "history", "812", "--since", "@1795401000", "--until", "2026-11-23 02:31:00", "--step",
            "1s",
            "--kind", "heap,anon", "--kind", "heap", "--format", "ndjson")
        #expect(run.exit == .status(0), "\(run.errors)")
        let pids = try run.output.split(separator: "\n").map {
            try JSON(parsing: String($0))["pid"]?.integerValue
        }
        #expect(pids == (1...400).map { Int64($0) })
        #expect(
            daemon.calls.first?.parameters == [
                "pid": 812, "since": "2026-11-23T02:30:00.000000Z", "until": "2026-11-23T02:31:00.000000Z",
                "step": "1s", "kinds": ["heap", "anon"],
            ])
        let json = try await Client.ask(daemon, "history", "812", "--format", "json")
        #expect(try JSON(parsing: json.output).arrayValue?.count == 400)
        let table = try await Client.ask(daemon, "history", "812")
        #expect(table.output.split(separator: "\n").count == 401)
    }

    @Test("--since takes -15m as the next word")
    func negativeTime() async throws {
        let daemon = try FakeDaemon { _, replies in
            try await replies.send(["samples": [], "truncated": false] as JSONObject)
        }
        let run = try await Client.ask(
            daemon, "history", "812", "--since", "-15m", "--until", "now", "--format", "json")
        #expect(run.exit == .status(0), "\(run.errors)")
        #expect(run.output == "[]\n")
        let call = try #require(daemon.calls.first)
        #expect(call.parameters["since"]?.stringValue?.hasSuffix("Z") ?? false)
    }

    @Test("attach tries every pid: each failure is a line, the first one the status")
    func attach() async throws {
        let daemon = try FakeDaemon { call, replies in
            switch call.parameters["pid"]?.integerValue {
            case 1: throw MonitorError.permissionDenied(pid: 1, reason: "").varlinkError
            case 2: throw MonitorError.noMemory(pid: 2, state: "kernel-thread").varlinkError
            default: try await replies.send(["target": try Examples.target().json] as JSONObject)
            }
        }
        let run = try await Client.ask(
            daemon, "attach", "1", "2", "812", "812", "--interval", "5s", "--children", "--format", "ndjson")
        #expect(run.exit == .status(77))
        #expect(
            run.errors == """
                memwatch: attach: not permitted to see process 1: run as root, as the process's user, or as a \
                member of the group memwatch
                memwatch: attach: process 2 is a kernel thread: it has no memory of its own

                """)
        #expect(try JSON(parsing: run.output)["pid"]?.integerValue == 812)
        #expect(daemon.calls.count == 3)
        #expect(daemon.calls.last?.parameters == ["interval": "5s", "children": true, "pid": 812])
        let one = try await Client.ask(daemon, "attach", "2")
        #expect(one.exit == .status(66))
        #expect(one.errors == "memwatch: attach: process 2 is a kernel thread: it has no memory of its own\n")
    }

    @Test("a rule is attached and detached by what it says")
    func rules() async throws {
        let daemon = try FakeDaemon { call, replies in
            if call.member == "Attach" {
                try await replies.send(["rule": try Examples.rule.json] as JSONObject)
            } else {
                try await replies.send(["detached": 2] as JSONObject)
            }
        }
        let attached = try await Client.ask(daemon, "attach", "--comm", "python*", "--format", "json")
        #expect(try JSON(parsing: attached.output)["rule"]?.stringValue == "comm:python*")
        let detached = try await Client.ask(daemon, "detach", "--rule", "comm:python*")
        #expect(detached.output == "detached 2 targets\n")
        let quiet = try await Client.ask(daemon, "detach", "812")
        #expect(quiet.output == "" && quiet.exit == .status(0))
        #expect(
            daemon.calls.map(\.parameters) == [["comm": "python*"], ["rule": "comm:python*"], ["pid": 812]])
    }

    @Test("status is lines for people, one object for programs")
    func status() async throws {
        let daemon = try FakeDaemon { _, replies in try await replies.send(Examples.status) }
        let text = try await Client.ask(daemon, "status")
        #expect(
            text.output == """
                daemon   memwatchd 0.1.0, pid 4711, uid 998
                holds    CAP_PERFMON CAP_IPC_LOCK: they are enough
                started  2026-11-23 02:31:00.125
                targets  3, rules 1
                events   mixed: perf was refused
                kernel   records 1234, lost 5, gaps 2, targets summarised 1
                ticks    1200, late 2, last 2026-11-23 02:31:00.125, 120 µs late
                looks    90, inconsistent 0
                history  /var/lib/memwatch/history.sqlite
                         12.0 MiB, oldest unknown, disk free 1.0 GiB
                journal  sent 12, dropped 0

                """)
        let json = try await Client.ask(daemon, "status", "--format", "json")
        #expect(try JSON(parsing: json.output) == .object(Examples.status))
        let csv = try await Client.ask(daemon, "status", "--format", "csv")
        #expect(csv.output.hasPrefix("version,pid,uid,capabilities,capabilities_reason,started,"))
        #expect(csv.output.contains("\r\n0.1.0,4711,998,CAP_PERFMON CAP_IPC_LOCK,they are enough,"))
    }

    @Test(
        "every error of the daemon's has its status",
        arguments: [
            (
                MonitorError.noSuchProcess(pid: 1, reason: "it never had a history"), 66,
                "no process 1: it never"
            ),
            (.permissionDenied(pid: 1, reason: ""), 77, "not permitted to see process 1: run as root"),
            (.notAttached(pid: 1, reason: ""), 66, "process 1 is not watched"),
            (.noMemory(pid: 1, state: "zombie"), 66, "process 1 is a zombie"),
            (.invalidTime(value: "x", reason: "since is after until"), 64, "since is after until"),
            (
                .invalidValue(parameter: "step", reason: "it is too short"), 64,
                "step will not do: it is too short"
            ),
            (.tooManyTargets(limit: 10), 77, "no more than 10 targets"),
            (.historyUnavailable(reason: "the disk\nis full"), 70, "the disk\\nis full"),
        ])
    func errors(error: MonitorError, status: Int32, text: String) async throws {
        let daemon = try FakeDaemon { _, _ in throw error.varlinkError }
        let run = try await Client.ask(daemon, "history", "1")
        #expect(run.exit == .status(status))
        #expect(run.errors.contains(text), "\(run.errors)")
        #expect(run.errors.filter { $0 == "\n" }.count == 1)
    }

    @Test(
        "an answer that is not what the interface promises is an internal error",
        arguments: [
            ["nothing": 1] as JSONObject, ["samples": 1], ["samples": [1]],
            ["samples": [["time": "yesterday"]], "truncated": false],
        ])
    func malformed(answer: JSONObject) async throws {
        let daemon = try FakeDaemon { _, replies in try await replies.send(answer) }
        let run = try await Client.ask(daemon, "history", "1")
        #expect(run.exit == .status(70))
        #expect(run.errors.contains("of the same version?"), "\(run.errors)")
    }

    @Test("regions of the past come from the daemon, cut ones with a warning")
    func pastRegions() async throws {
        let daemon = try FakeDaemon { _, replies in
            let part: JSONObject = [
                "time": .string(Examples.time.rfc3339), "consistent": true, "truncated": true,
                "regions": [try Examples.heap.json],
            ]
            try await replies.sendMore(part)
            try await replies.send(part)
        }
        let run = try await Client.ask(daemon, "regions", "812", "--at", "@1795401060", "--format", "ndjson")
        #expect(run.exit == .status(0))
        #expect(run.output.split(separator: "\n").count == 2)
        #expect(run.errors.contains("this is the lower part"))
        #expect(daemon.calls.first?.parameters == ["pid": 812, "at": "2026-11-23T02:31:00.000000Z"])
    }

    @Test("who may not look asks the daemon, who may", .requiresRoot, .requiresTool("setpriv"))
    func regionsThroughDaemon() async throws {
        let daemon = try FakeDaemon { _, replies in
            try await replies.send(
                [
                    "time": .string(Examples.time.rfc3339), "consistent": true, "truncated": false,
                    "regions": [try Examples.heap.json],
                ] as JSONObject)
        }
        let client = try Client.copyForAll()
        #expect(chmod(String(daemon.socket.dropLast("/socket".count)), 0o755) == 0)
        let arguments =
            Client.asStranger + [client.path, "regions", "\(getpid())", "--socket", daemon.socket]
        let run = try await offPool {
            try Client.finish(
                try ChildProcess(arguments[0], Array(arguments.dropFirst()), environment: Client.environment))
        }
        #expect(run.exit == .status(0), "\(run.errors)")
        #expect(run.output.contains("556357300000-556357f00000"))
        // A socket that this user may not open.
        #expect(chmod(daemon.socket, 0o600) == 0)
        let closed = try await offPool {
            try Client.finish(
                try ChildProcess(arguments[0], Array(arguments.dropFirst()), environment: Client.environment))
        }
        #expect(closed.exit == .status(77))
        #expect(closed.errors.contains("not permitted to open"))
    }

    @Test("a socket of another user's is not asked", .requiresRoot)
    func forgedSocket() async throws {
        let daemon = try FakeDaemon { _, replies in try await replies.send(Examples.status) }
        #expect(chown(daemon.socket, stranger, stranger) == 0)
        let run = try await Client.ask(daemon, "status")
        #expect(run.exit == .status(77))
        #expect(run.errors.contains("belongs to uid \(stranger), neither you nor root"))
        #expect(daemon.calls.isEmpty)
    }
}
