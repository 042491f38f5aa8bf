import Glibc
import TestSupport
import Varlink

/// Somebody who asks, with real ids.
struct MatrixClient: Hashable {
    var name: String
    var uid: UInt32
    var groups: [UInt32] = []
    /// Root and the group: they see all, by the administrator's choice and not by the kernel's.
    var seesAll = false

    /// `group` is the one that `[access] group` names. Whoever ends watching for all comes last.
    static func all(group: UInt32) -> [MatrixClient] {
        [
            MatrixClient(name: "the user", uid: 1_000), MatrixClient(name: "another user", uid: 2_000),
            MatrixClient(name: "a member of the group", uid: 3_000, groups: [group], seesAll: true),
            MatrixClient(name: "root", uid: 0, seesAll: true),
        ]
    }

    /// A prefix that runs a program with these ids.
    var wrapper: [String] {
        let groups = groups.isEmpty ? ["--clear-groups"] : ["--groups", groups.map(String.init).joined()]
        return ["setpriv", "--reuid", "\(uid)", "--regid", "\(uid)"] + groups
    }

    /// Whether the kernel gives this client a line of the process's maps.
    func mayReadMaps(of pid: pid_t) throws -> Bool {
        let words = wrapper + ["head", "-n", "1", "/proc/\(pid)/maps"]
        let reader = try ChildProcess(words[0], Array(words.dropFirst()))
        let line = try reader.nextLine()
        return try reader.waitForExit() == .status(0) && line != nil
    }
}

/// What a client was told.
enum MatrixAnswer: String {
    case told, denied
    /// There is no such process, or no history of it, and everybody is told so.
    case absent = "nothing there"

    init(_ run: ClientRun, _ what: String) throws {
        switch run.exit {
        case .status(0): self = .told
        case .status(77) where run.failed(77): self = .denied
        case .status(66) where run.failed(66): self = .absent
        default: throw TestFailure("\(what): \(run)")
        }
    }
}

/// All methods that concern a process, asked by one client about one pid.
struct MatrixCell {
    /// Of the process as it is now.
    var attach, regions, watch, list, detach: MatrixAnswer
    /// Of what was recorded of it.
    var regionsAt, history, events, diff, listAll: MatrixAnswer
    /// Names of the programs in the events.
    var programs: Set<String> = []

    init(_ client: MatrixClient, asks daemon: Daemon, about pid: pid_t, with program: String) throws {
        func ask(_ words: String...) throws -> ClientRun {
            try Client.run(words, socket: daemon.socket, client: program, through: client.wrapper)
        }
        func listed(_ words: String...) throws -> MatrixAnswer {
            let words = words + ["--format", "json"]
            let run = try Client.run(words, socket: daemon.socket, client: program, through: client.wrapper)
            guard let rows = try JSON(parsing: run.output).arrayValue else { throw TestFailure("\(run)") }
            return rows.contains { $0["pid"]?.integerValue == Int64(pid) } ? .told : .denied
        }
        let name = "\(pid)"
        list = try listed("list")
        listAll = try listed("list", "--all")
        regionsAt = try MatrixAnswer(ask("regions", name, "--at", "now"), "regions --at")
        history = try MatrixAnswer(ask("history", name), "history")
        let told = try ask("events", name, "--format", "json")
        events = try MatrixAnswer(told, "events")
        if events == .told {
            let rows = try JSON(parsing: told.output).arrayValue ?? []
            programs = Set(rows.compactMap { $0["comm"]?.stringValue })
        }
        diff = try MatrixAnswer(ask("diff", name, "--from", "now", "--to", "now"), "diff")
        regions = try Self.liveRegions(client, daemon, pid)
        watch = try Self.watched(client, daemon, pid)
        attach = try MatrixAnswer(ask("attach", name, "--interval", "100ms"), "attach")
        detach = try MatrixAnswer(ask("detach", name), "detach")
    }

    /// `memwatch regions PID` reads /proc itself; the daemon is asked by the call.
    private static func liveRegions(
        _ client: MatrixClient, _ daemon: Daemon, _ pid: pid_t
    ) throws -> MatrixAnswer {
        let reply = try reply(client, daemon, "Regions", "{\"pid\": \(pid)}")
        switch reply["error"]?.stringValue {
        case nil where reply["parameters"]?["regions"]?.arrayValue?.isEmpty == false: return .told
        case "org.memwatch.Monitor.PermissionDenied": return .denied
        case "org.memwatch.Monitor.NoSuchProcess", "org.memwatch.Monitor.NoMemory": return .absent
        default: throw TestFailure("Regions: \(reply)")
        }
    }

    /// `memwatch watch` draws on a terminal; what it draws comes by this call.
    private static func watched(
        _ client: MatrixClient, _ daemon: Daemon, _ pid: pid_t
    ) throws -> MatrixAnswer {
        let reply = try reply(client, daemon, "Watch", "{\"pids\": [\(pid)]}")
        let all = try self.reply(client, daemon, "Watch", "{}")["parameters"]?["watched"]?.arrayValue ?? []
        let isAmongAll = all.contains { $0["target"]?["pid"]?.integerValue == Int64(pid) }
        switch reply["error"]?.stringValue {
        case nil where isAmongAll: return .told
        case "org.memwatch.Monitor.PermissionDenied" where !isAmongAll: return .denied
        case "org.memwatch.Monitor.NotAttached" where !isAmongAll: return .absent
        default: throw TestFailure("Watch: \(reply), all: \(all)")
        }
    }

    private static func reply(
        _ client: MatrixClient, _ daemon: Daemon, _ method: String, _ parameters: String
    ) throws -> JSON {
        let words = client.wrapper + Strangers.python + ["-c", call, daemon.socket, method, parameters]
        let process = try ChildProcess(words[0], Array(words.dropFirst()))
        return try JSON(parsing: try process.remainingOutput())
    }

    private static let call = """
        import json, socket, sys
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(sys.argv[1])
            call = {"method": "org.memwatch.Monitor." + sys.argv[2], "parameters": json.loads(sys.argv[3])}
            connection.sendall(json.dumps(call).encode() + b"\\0")
            reply = b""
            while not reply.endswith(b"\\0"):
                reply += connection.recv(65536) or sys.exit("hung up")
        print(reply[:-1].decode())
        """

    /// What the client saw of the process as it is, and of its past.
    var live: MatrixAnswer { regions }
    var past: MatrixAnswer { history }
}
