import Glibc
import TestSupport
import Testing
import Varlink

@Suite("Metrics, as Prometheus reads them", .requiresTool("curl"), .timeLimit(.minutes(5)))
struct MetricsTests {
    /// A daemon that serves metrics on this machine, and what asks it.
    private struct Served {
        let daemon: Daemon
        let port: Int
        var address: String { "http://127.0.0.1:\(port)/metrics" }

        init() throws {
            port = try freePort()
            daemon = try Daemon(Daemon.quiet + "[metrics]\nlisten = \"127.0.0.1:\(port)\"\n")
        }

        /// What it answers, and what it says about that. Waits until it listens, which is soon after the daemon is ready.
        func get(_ options: String..., path: String = "/metrics") throws -> (headers: String, body: String) {
            let text = try run(
                "curl",
                ["-sS", "-i", "--retry", "20", "--retry-connrefused", "--retry-delay", "0"] + options
                    + ["http://127.0.0.1:\(port)\(path)"])
            let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
    }

    @Test("promtool finds nothing wrong with them", .requiresTool("promtool"))
    func check() throws {
        let served = try Served()
        let memgrow = try Memgrow("zoo", "--hold")
        let follower = try served.daemon.attach(memgrow.pid)
        let page = try served.get()
        #expect(page.headers.contains("200 OK") && page.headers.contains("text/plain; version=0.0.4"))
        let promtool = try ChildProcess("promtool", ["check", "metrics"])
        try promtool.send(page.body)
        promtool.closeInput()
        let complaints = try promtool.remainingOutput()
        #expect(try promtool.waitForExit() == .status(0), "\(complaints)\(promtool.errorText())")
        #expect(complaints == "" && promtool.errorText() == "")
        let open = try served.get("-H", "Accept: application/openmetrics-text; version=1.0.0")
        #expect(
            open.headers.contains("application/openmetrics-text; version=1.0.0")
                && open.body.hasSuffix("# EOF\n"))
        _ = follower
        try served.daemon.stop()
    }

    @Test("what Prometheus has scraped is what history says, to the byte", .requiresTool("prometheus"))
    func scrape() throws {
        let served = try Served()
        let memgrow = try Memgrow("zoo", "--hold")
        let follower = try served.daemon.attach(memgrow.pid)
        let prometheus = try Prometheus(scraping: "127.0.0.1:\(served.port)")
        let pid = "\(memgrow.pid)"
        let sums = try prometheus.values("sum by (kind) (memwatch_region_bytes{pid=\"\(pid)\"})", by: "kind")
        let sample = try #require(try served.daemon.records("history", pid).last)
        var kinds: [String: Int64] = [:]
        for (kind, bytes) in try #require(sample["kinds"]?.objectValue) where bytes != 0 {
            kinds[kind] = bytes.integerValue
        }
        #expect(sums == kinds)
        let total = try prometheus.values(
            "sum(memwatch_region_bytes{pid=\"\(pid)\"}) - sum(memwatch_virtual_memory_bytes{pid=\"\(pid)\"})",
            by: "")
        #expect(total == ["": 0])
        #expect(try prometheus.values("memwatch_targets", by: "") == ["": 1])
        #expect(try prometheus.values("up", by: "") == ["": 1])
        _ = follower
    }

    @Test("the shipped rules are what they say they are", .requiresTool("promtool"))
    func rules() throws {
        let file = #filePath
        let root = file.components(upTo: "/Tests/")
        let checked = try run("promtool", ["check", "rules", root + "/config/prometheus/rules.yml"])
        #expect(checked.contains("SUCCESS"))
        let tested = try run("promtool", ["test", "rules", root + "/config/prometheus/rules-test.yml"])
        #expect(tested.contains("SUCCESS"))
    }

    @Test("who asks for something else is told, and who sends garbage or nothing is not waited for")
    func hostile() throws {
        let served = try Served()
        #expect(try served.get(path: "/").headers.contains("404"))
        #expect(try served.get("-X", "POST", "-d", "x").headers.contains("405"))
        #expect(try served.get("-I").headers.contains("200 OK"))
        let script = """
            import socket, sys
            peers = []
            for n in range(200):
                peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                peer.setblocking(False)
                peers.append(peer)
                try:
                    peer.send([b"GET /metrics HTTP/1.1\\r\\n", b"\\x00\\xff" * 500, b"GET /metrics HTTP/1.1\\r\\nX: " + b"y" * 200000,
                               b"POST /metrics HTTP/1.1\\r\\nContent-Length: 99999999\\r\\n\\r\\n" + b"z" * 100000][n % 4])
                except OSError:
                    pass
            print("sent")
            """
        #expect(try run("python3", ["-c", script, "\(served.port)"]) == "sent\n")
        #expect(try served.get().headers.contains("200 OK"))
        #expect(try served.daemon.memory("VmRSS") < 200 << 20)
        try served.daemon.stop()
    }

    @Test("on a Unix socket, too, which is gone with the daemon; an address that is taken stops nothing")
    func places() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("metrics")
        let daemon = try Daemon(Daemon.quiet + "[metrics]\nlisten = \"\(path)\"\n")
        let page = try run(
            "curl",
            [
                "-sS", "--retry", "20", "--retry-all-errors", "--retry-delay", "0", "--unix-socket", path,
                "http://x/metrics",
            ])
        #expect(page.contains("memwatch_targets 0"))
        try daemon.stop()
        #expect(access(path, F_OK) != 0)
        let served = try Served()
        let second = try Daemon(Daemon.quiet + "[metrics]\nlisten = \"127.0.0.1:\(served.port)\"\n")
        #expect(try second.status()["targets"] == 0)
        try second.stop()
        #expect(second.process.errorText().contains("metrics are not served"))
    }
}

@Suite("Metrics on the daemon's own socket, as systemd has them", .timeLimit(.minutes(2)))
struct SystemdMetricsTests {
    private func call(_ method: String, _ daemon: Daemon) throws -> [JSON] {
        var replies: [JSON] = []
        let client = try VarlinkClient.connect(path: daemon.socket, patience: .seconds(30))
        try client.callMore("io.systemd.Metrics." + method, JSONObject()) {
            replies.append(.object($0.parameters))
        }
        return replies
    }

    @Test("nothing of them is there where they are not asked for")
    func off() throws {
        let daemon = try Daemon(Daemon.quiet)
        #expect(throws: VarlinkError.interfaceNotFound("io.systemd.Metrics")) { try call("List", daemon) }
        try daemon.stop()
    }

    @Test("they are what history says, to the byte, each described, and only in parts")
    func values() throws {
        let daemon = try Daemon(Daemon.quiet + "[metrics]\nvarlink = true\n")
        let memgrow = try Memgrow("zoo", "--hold")
        let follower = try daemon.attach(memgrow.pid)
        let pid = "\(memgrow.pid)"
        let values = try call("List", daemon)
        let sample = try #require(try daemon.records("history", pid).last)
        var (kinds, told): ([String: Int64], [String: Int64]) = ([:], [:])
        for (kind, bytes) in try #require(sample["kinds"]?.objectValue) where bytes != 0 {
            kinds[kind] = bytes.integerValue
        }
        for value in values where value["name"] == "org.memwatch.Monitor.RegionBytes" {
            #expect(value["object"]?.stringValue == pid && value["fields"]?["comm"] == "memgrow")
            told[try #require(value["fields"]?["kind"]?.stringValue)] = value["value"]?.integerValue
        }
        #expect(!kinds.isEmpty && told == kinds)
        var types: [String: String] = [:]
        for family in try call("Describe", daemon) {
            types[try #require(family["name"]?.stringValue)] = family["type"]?.stringValue
        }
        #expect(Set(types.keys) == Set(values.compactMap { $0["name"]?.stringValue }))
        #expect(types["org.memwatch.Monitor.Looks"] == "counter")
        #expect(types["org.memwatch.Monitor.RegionBytes"] == "gauge")
        #expect(types["org.memwatch.Monitor.BuildVersion"] == "string")
        #expect(
            try oneCall(daemon.socket, "List", interface: "io.systemd.Metrics")["error"]
                == "org.varlink.service.ExpectedMore")
        _ = follower
        try daemon.stop()
    }

    @Test(
        "a user is told of what that user may see, and not of others' alerts", .requiresRoot,
        .requiresTool("setpriv"), .requiresTool("python3"))
    func users() throws {
        let strangers = try Strangers()
        let daemon = try Daemon(Daemon.quiet + "[metrics]\nvarlink = true\n")
        let own = try Memgrow(
            "sbrk", "--step", "--hold", executable: strangers.memgrow,
            through: Strangers.setpriv(Strangers.one))
        let roots = try Memgrow("sbrk", "--step", "--hold")
        let followers = try [own, roots].map { try daemon.attach($0.pid) }
        let script = """
            import json, os, socket, sys
            os.setgroups([])
            os.setresgid(*[int(sys.argv[2])] * 3)
            os.setresuid(*[int(sys.argv[2])] * 3)
            peer = socket.socket(socket.AF_UNIX)
            peer.connect(sys.argv[1])
            peer.send(b'{"method":"io.systemd.Metrics.List","parameters":{},"more":true}\\0')
            data = b""
            while not data or data[-1] != 0 or b'"continues":true' in data[data[:-1].rfind(b"\\0") + 1:]:
                data += peer.recv(65536)
            rows = [json.loads(part)["parameters"] for part in data.split(b"\\0") if part]
            print(sorted({row["object"] for row in rows if "object" in row}))
            print(sum(row["name"].endswith(".Alerts") for row in rows) > 0)
            """
        func asked(as user: UInt32) throws -> String {
            try run("python3", ["-c", script, daemon.socket, "\(user)"])
        }
        #expect(try asked(as: Strangers.one) == "['\(own.pid)']\nFalse\n")
        #expect(try asked(as: Strangers.other) == "[]\nFalse\n")
        let both = [own.pid, roots.pid].map { "\($0)" }.sorted()
        #expect(try asked(as: 0) == "['\(both[0])', '\(both[1])']\nTrue\n")
        _ = followers
        try daemon.stop()
    }
}

/// A real Prometheus that scrapes one address, with a directory of its own.
private final class Prometheus {
    private let directory: TemporaryDirectory
    private let process: ChildProcess
    private let port: Int

    init(scraping address: String) throws {
        directory = try TemporaryDirectory()
        port = try freePort()
        try directory.write(
            """
            global: {scrape_interval: 1s}
            scrape_configs:
              - job_name: memwatch
                static_configs: [{targets: ["\(address)"]}]
            """, to: "prometheus.yml")
        process = try ChildProcess(
            "prometheus",
            [
                "--config.file=" + directory.file("prometheus.yml"),
                "--storage.tsdb.path=" + directory.file("data"),
                "--web.listen-address=127.0.0.1:\(port)",
            ])
    }

    deinit { process.signal(SIGKILL) }

    /// The values that a query has, by one of their labels; asked until there are some.
    func values(_ query: String, by label: String) throws -> [String: Int64] {
        for _ in 0..<300 {
            let answer = try? run(
                "curl",
                [
                    "-sS", "--retry", "50", "--retry-connrefused", "--retry-delay", "0", "-G",
                    "--data-urlencode", "query=" + query, "http://127.0.0.1:\(port)/api/v1/query",
                ])
            let result = try answer.map { try JSON(parsing: $0) }?["data"]?["result"]?.arrayValue ?? []
            var values: [String: Int64] = [:]
            for series in result {
                guard let text = series["value"]?.arrayValue?.last?.stringValue, let value = Double(text)
                else { continue }
                values[series["metric"]?[label]?.stringValue ?? ""] = Int64(value)
            }
            if !values.isEmpty { return values }
            usleep(100_000)
        }
        throw TestFailure("Prometheus has nothing of \(query): \(process.errorText())")
    }
}

extension String {
    /// What is in front of the last `mark`.
    fileprivate func components(upTo mark: String) -> String {
        guard let range = ranges(of: mark).last else { return self }
        return String(self[..<range.lowerBound])
    }
}
