import Glibc
import Journal
import MemoryModel

/// A process of its own that uses the Journal module, for tests that need one: libsystemd has one fixed
/// path for the journal's socket and reads the environment, so a test cannot bring its own in-process.
///
///     JournalTestHelper journal    commands on standard input, one answer line for each
///     JournalTestHelper notify     every message of sd_notify(3), in a fixed order
///     JournalTestHelper notify-much   more of them than a socket holds
///     JournalTestHelper listen     answers one connection on each activated socket
@main
enum JournalTestHelper {
    static func main() {
        switch CommandLine.arguments.dropFirst().first {
        case "journal": JournalCommands().run()
        case "notify": notify()
        case "notify-much": notifyMuch()
        case "listen": listen()
        default: exit(64)
        }
    }

    /// More than a manager's socket holds.
    private static func notifyMuch() {
        let notifier = Notifier()
        for number in 0..<5_000 { notifier.status("\(number)") }
        notifier.watchdog()
        notifier.stopping()
        say("told")
    }

    private static func notify() {
        let notifier = Notifier()
        notifier.ready(status: "2 targets")
        notifier.status("forged\nSTOPPING=1")
        notifier.reloading()
        notifier.watchdog()
        notifier.stopping(status: "writing the last batch")
        say(
            "supervised=\(notifier.isSupervised)",
            "watchdog=\(notifier.watchdogInterval.map(String.init(describing:)) ?? "none")")
    }

    private static func listen() {
        var problems: [String] = []
        let descriptors = ListenDescriptors.take { problems.append($0) }
        for one in descriptors {
            let isCloseOnExec = fcntl(one.descriptor, F_GETFD) & FD_CLOEXEC != 0
            say("name=\(one.name)", "descriptor=\(one.descriptor)", "cloexec=\(isCloseOnExec)")
        }
        for problem in problems { say("problem=\(problem)") }
        say("environment=\(getenv("LISTEN_FDS") != nil || getenv("LISTEN_FDNAMES") != nil)")
        say("again=\(ListenDescriptors.take().count)")
        for one in descriptors {
            let connection = accept(one.descriptor, nil, nil)
            let greeting = Array("hello from \(one.name)".utf8)
            _ = write(connection, greeting, greeting.count)
            close(connection)
        }
    }

    static func say(_ words: String...) {
        print(words.joined(separator: " "))
        fflush(nil)
    }
}
