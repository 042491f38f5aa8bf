import Glibc
import MemwatchInterface
import ProcFS
import Varlink

extension Failure {
    /// An answer that is not what the interface promises.
    static func malformedAnswer(_ problem: String = "the daemon's answer is not what memwatch understands")
        -> Failure
    {
        Failure(.software, problem + ": are memwatch and memwatchd of the same version?")
    }

    static func daemonGone(_ endpoint: Endpoint) -> Failure {
        Failure(
            .unavailable,
            "the daemon at \(endpoint.path) has gone (or has too many of your connections): "
                + "see 'systemctl status memwatchd', then " + endpoint.howToStart)
    }

    static func malformedAnswer(lacking member: String) -> Failure {
        malformedAnswer("the daemon's answer has no valid \"\(member)\"")
    }

    /// What became of a question to the daemon.
    ///
    /// - Parameter error: A ``Failure`` of our own passes through.
    init(daemon error: any Error, at endpoint: Endpoint) {
        switch error {
        case let failure as Failure: self = failure
        case let error as VarlinkError: self.init(error, at: endpoint)
        case let error as VarlinkClientError: self.init(error, at: endpoint)
        // The only other one is CancellationError, and who cancels knows why.
        default: self = .daemonGone(endpoint)
        }
    }

    private init(_ error: VarlinkClientError, at endpoint: Endpoint) {
        switch error {
        case .notListening where endpoint.isOtherFile:
            self.init(.unavailable, "\(endpoint.path) is no socket: name the daemon's with --socket")
        case .notListening where endpoint.exists:
            self.init(
                .unavailable,
                "no daemon listens at \(endpoint.path) (it ended without removing its socket): "
                    + endpoint.howToStart)
        case .notListening:
            self.init(.unavailable, "no daemon at \(endpoint.path): \(endpoint.howToStart)")
        case .denied:
            self.init(
                .noPermission,
                "not permitted to open \(endpoint.path): run as root, or join the socket's group")
        case .pathTooLong, .pathUnusable: self.init(.usage, error.description)
        case .forgedOwner(let path, let uid):
            self.init(
                .noPermission,
                "\(path) belongs to uid \(uid), neither you nor root nor \(Endpoint.serviceUser): memwatch does "
                    + "not ask strangers, run as that user or name another with --socket")
        case .busy:
            self.init(.unavailable, "the daemon at \(endpoint.path) has too many callers: try again")
        case .disconnected: self = .daemonGone(endpoint)
        case .silent(let patience):
            self.init(
                .unavailable,
                "the daemon at \(endpoint.path) has not answered for \(patience.components.seconds) s: it may be "
                    + "stopped or overloaded, see 'systemctl status memwatchd' (an attach or detach that it has "
                    + "begun goes on, see 'memwatch list')")
        case .malformedReply(let reason):
            self = .malformedAnswer("the daemon's answer is no Varlink (\(reason))")
        case .system(_, let error):
            self.init(
                .unavailable,
                "no daemon can be reached at \(endpoint.path) (\(error)): name another with --socket")
        }
    }

    /// An error the daemon answered.
    private init(_ error: VarlinkError, at endpoint: Endpoint) {
        if let error = MonitorError(error) {
            self.init(error)
            return
        }
        switch error.name {
        case "org.varlink.service.PermissionDenied":
            self.init(
                .noPermission, "the daemon does not permit this: run as root, or join the group memwatch")
        case "org.varlink.service.InterfaceNotFound", "org.varlink.service.MethodNotFound",
            "org.varlink.service.MethodNotImplemented":
            self.init(
                .software,
                "the service at \(endpoint.path) cannot do this: it is another version of memwatchd, or none")
        case "org.varlink.service.InternalError":
            self.init(.software, "the daemon failed: see 'journalctl -u memwatchd'")
        default:
            self = .malformedAnswer("the daemon answered \(error)")
        }
    }

    /// Reasons are the daemon's words, and say what to do.
    private init(_ error: MonitorError) {
        switch error {
        case .noSuchProcess(let pid, let reason):
            self.init(
                .noInput,
                Self.joined(
                    pid.map { "no process \($0)" } ?? "no process", reason,
                    else: "'memwatch list --all' shows what there is a history of"))
        case .permissionDenied(let pid, let reason):
            self.init(
                .noPermission,
                Self.joined(
                    pid.map { "not permitted to see process \($0)" } ?? "not permitted", reason,
                    else: "run as root, as the process's user, or as a member of the group memwatch"))
        case .notAttached(let pid, let reason):
            self.init(
                .noInput,
                Self.joined(
                    pid.map { "process \($0) is not watched" } ?? "not watched", reason,
                    else: "'memwatch list' shows what is; 'memwatch attach PID' begins"))
        case .noMemory(let pid, let state):
            let what = state == "zombie" ? "zombie" : state.split(separator: "-").joined(separator: " ")
            self.init(.noInput, "process \(pid) is a \(what): it has no memory of its own")
        case .invalidTime(let value, let reason):
            self.init(
                .usage,
                Self.joined(
                    "the time \(UnreadableText.quote(value)) will not do", reason, else: "write another"))
        case .invalidValue(let parameter, let reason):
            self.init(.usage, Self.joined("the \(parameter) will not do", reason, else: "write another"))
        case .tooManyTargets(let limit):
            self.init(
                .noPermission,
                "the daemon watches no more than \(limit) targets for you: end some with 'memwatch detach PID'"
            )
        case .tooManyStreams(let limit):
            self.init(
                .noPermission,
                "the daemon answers no more than \(limit) of your streams at a time: end some "
                    + "('memwatch events --follow')")
        case .historyUnavailable(let reason):
            self.init(
                .software, Self.joined("the history cannot be used", reason, else: "see 'memwatch status'"))
        }
    }

    private static func joined(_ what: String, _ reason: String, else advice: String) -> String {
        what + ": " + (reason.isEmpty ? advice : reason)
    }

    /// What became of a look into /proc.
    init(_ error: ProcError) {
        switch error {
        case .gone, .noMemory: self.init(.noInput, error.description)
        case .denied: self.init(.noPermission, error.description)
        case .malformed, .system: self.init(.software, error.description)
        }
    }
}
