import TestSupport
import Testing
import Varlink

/// systemd's own Varlink client is another's reading of the protocol, and what an administrator has at hand.
@Suite(
    "varlinkctl is a client like any other", .requiresRoot, .requiresTool("systemd-nspawn"),
    .requiresMachine(.trixie), .requiresPackage, .timeLimit(.minutes(5)))
struct VarlinkctlTests {
    static let socket = "/run/memwatch/org.memwatch.Monitor"

    @Test("info, list-interfaces and introspect say what is there")
    func describes() throws {
        let machine = try TestMachine(.trixie)
        try machine.startDaemon()
        let info = try machine.run("varlinkctl", "info", Self.socket)
        #expect(info.contains("memwatchd"))
        #expect(info.contains("org.memwatch.Monitor"))
        let interfaces = try machine.run("varlinkctl", "list-interfaces", Self.socket)
        #expect(
            interfaces.split(separator: "\n").sorted() == ["org.memwatch.Monitor", "org.varlink.service"])
        let description = try machine.run("varlinkctl", "introspect", Self.socket, "org.memwatch.Monitor")
        for method in ["Attach", "Detach", "List", "Regions", "History", "Events", "Diff", "Status"] {
            #expect(description.contains("method \(method)"))
        }
    }

    @Test("call asks once, call --more takes every part and follows what happens")
    func calls() throws {
        let machine = try TestMachine(.trixie)
        try machine.startDaemon()
        let grower = try Grower(on: machine)
        try machine.run("systemctl", "start", grower.unit)
        let pid = try machine.mainPID(of: grower.unit)

        let attached = try call(on: machine, "Attach", "{\"pid\": \(pid), \"interval\": \"100ms\"}")
        #expect(attached["target"]?["pid"]?.integerValue == pid)
        let follower = try machine.start(
            Self.words(["--more"], "Events", "{\"pid\": \(pid), \"since\": \"-1h\", \"follow\": true}"))
        try wait(for: "\"attached\"", from: follower)
        try grower.step()
        try wait(for: "\"brk-grow\"", from: follower)

        let status = try call(on: machine, "Status", "{}")
        #expect(status["pid"]?.integerValue == (try machine.mainPID(of: "memwatchd.service")))
        let regions = try call(on: machine, "Regions", "{\"pid\": \(pid), \"kinds\": [\"heap\"]}")
        #expect(regions["regions"]?.arrayValue?.count == 1)
        // An answer in parts ends by itself.
        let parts = try machine.run(Self.words(["--more"], "History", "{\"pid\": \(pid)}"))
        #expect(parts.contains("\"vm_size\""))

        let refused = try machine.attempt(Self.words([], "Regions", "{\"pid\": 4194304}"))
        #expect(refused.exit != .status(0))
        #expect((refused.errors + refused.output).contains("org.memwatch.Monitor.NoSuchProcess"))
    }

    @Test("with its drop-in, metrics are where systemd-report looks for them")
    func metrics() throws {
        let machine = try TestMachine(.trixie)
        let socket = "/run/systemd/report/org.memwatch.Monitor"
        try machine.useDropIn("10-systemd-report.conf", of: "memwatchd.socket")
        try machine.run("mkdir", "-p", "/etc/memwatch/conf.d")
        try machine.write("[metrics]\nvarlink = true\n", to: "/etc/memwatch/conf.d/metrics.toml")
        try machine.startDaemon()
        func call(_ method: String) throws -> [JSON] {
            // One reply a line; systemd 257 puts a mark of its own (RFC 7464) in front.
            try machine.run(
                "varlinkctl", "call", "--more", "--json=short", socket, "io.systemd.Metrics." + method, "{}"
            ).split(whereSeparator: { $0 == "\n" || $0 == "\u{1e}" }).map { try JSON(parsing: String($0)) }
        }
        let families = Set(try call("Describe").compactMap { $0["name"]?.stringValue })
        let values = try call("List")
        #expect(!values.isEmpty && Set(values.compactMap { $0["name"]?.stringValue }) == families)
        #expect(families.allSatisfy { $0.hasPrefix("org.memwatch.Monitor.") })
        #expect(values.contains { $0["name"] == "org.memwatch.Monitor.Targets" && $0["value"] == 0 })
        // The other socket is as it was.
        #expect(try machine.attempt("memwatch", "status").exit == .status(0))
    }

    private static func words(_ options: [String], _ method: String, _ parameters: String) -> [String] {
        ["varlinkctl", "call"] + options + [
            "--json=short", socket, "org.memwatch.Monitor." + method, parameters,
        ]
    }

    private func call(on machine: TestMachine, _ method: String, _ parameters: String) throws -> JSON {
        try JSON(parsing: try machine.run(Self.words([], method, parameters)))
    }

    private func wait(for text: String, from process: ChildProcess) throws {
        while let line = try process.nextLine() {
            if line.contains(text) { return }
        }
        throw TestFailure("varlinkctl ended before \(text): \(process.errorText())")
    }
}
