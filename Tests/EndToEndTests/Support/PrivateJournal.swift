import Glibc
import TestSupport
import Testing
import Varlink

/// A real systemd-journald in a mount namespace of its own, with everything it writes in a tmpfs
/// that ends with it: the machine's own journal is neither seen nor touched.
///
/// Processes keep their pids there: only /run, /var/log and the machine id are others.
final class PrivateJournal {
    private var process: ChildProcess
    private let directory: TemporaryDirectory
    /// Outlives a journald that is killed.
    private let namespace: CInt

    private static let journald = "/lib/systemd/systemd-journald"
    private static let script =
        JournaldSetup.script + """

            if [ "$1" = try ]; then exit 0; fi
            exec \(journald)
            """

    init() throws {
        directory = try TemporaryDirectory()
        let notifications = try NotifySocket(directory.file("notify"))
        process = try ChildProcess(
            "unshare", ["--mount", "--net", "sh", "-c", Self.script],
            environment: ["NOTIFY_SOCKET": directory.file("notify")])
        try notifications.wait(for: "READY=1", from: process)
        namespace = open("/proc/\(process.pid)/ns/mnt", O_RDONLY | O_CLOEXEC)
    }

    deinit { close(namespace) }

    /// A prefix that runs a program where this journal is the journal.
    var wrapper: [String] { ["nsenter", "--mount=/proc/\(getpid())/fd/\(namespace)", "--"] }

    // MARK: What may befall it

    /// SIGSTOP, SIGCONT.
    func signal(_ number: CInt) { process.signal(number) }

    /// With SIGKILL its socket stays, and answers ECONNREFUSED.
    func end(_ number: CInt) throws {
        process.signal(number)
        try process.waitForExit()
    }

    /// The next one in the same place.
    func startAgain() throws {
        let notifications = try NotifySocket(directory.file("notify"))
        let words = wrapper + ["unshare", "--net", Self.journald]
        process = try ChildProcess(
            words[0], Array(words.dropFirst()), environment: ["NOTIFY_SOCKET": directory.file("notify")])
        try notifications.wait(for: "READY=1", from: process)
    }

    // MARK: What it has

    /// What `journalctl -o json` has of memwatchd, in order.
    func entries(_ matches: String...) throws -> [JSON] {
        try run(wrapper[0], Array(wrapper.dropFirst()) + ["journalctl", "--sync"])
        let arguments =
            ["journalctl", "-D", "/run/log/journal", "-o", "json", "--all", "--no-pager"]
            + ["SYSLOG_IDENTIFIER=memwatchd"] + matches
        let output = try run(wrapper[0], Array(wrapper.dropFirst()) + arguments)
        return try output.split(separator: "\n").map { try JSON(parsing: String($0)) }
    }

    fileprivate static var isPossible: Bool {
        guard access("/lib/systemd/systemd-journald", X_OK) == 0 else { return false }
        return (try? run("unshare", ["--mount", "--net", "sh", "-c", script, "sh", "try"])) != nil
    }
}

extension Trait where Self == ConditionTrait {
    /// A mount namespace for a journald of the test's own: CAP_SYS_ADMIN, and systemd-journald itself.
    static var requiresPrivateJournal: Self {
        requires(
            "private-journal", PrivateJournal.isPossible,
            "it must run systemd-journald in a namespace of its own")
    }
}
