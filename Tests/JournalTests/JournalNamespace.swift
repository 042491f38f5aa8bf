import Foundation
import Glibc
import TestSupport
import Testing

/// A real systemd-journald, alone in its own mount, network and pid namespaces, with everything it
/// writes in a tmpfs that ends with them: the machine's own journal is neither seen nor touched.
///
/// A shell is the namespace's init: ``shell(_:)`` runs there. When it ends, so does everything in it.
final class JournalNamespace {
    private let child: ChildProcess

    init() throws {
        child = try ChildProcess(
            "unshare", ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh"])
        try shell(JournaldSetup.script + "\nmkfifo /run/in /run/out\nset +e")
        try startJournal()
    }

    /// Runs commands and returns their output. Fails unless the last one succeeds.
    @discardableResult
    func shell(_ script: String) throws -> [String] {
        try child.send(script + "\nprintf '\\n=== %d\\n' $?\n")
        var lines: [String] = []
        while true {
            let line = try #require(try child.nextLine(), "the namespace's shell ended")
            guard line.hasPrefix("=== ") else {
                lines.append(line)
                continue
            }
            if lines.last == "" { lines.removeLast() }
            guard line == "=== 0" else {
                throw TestFailure(
                    "\(script) ended with \(line.dropFirst(4)): \(lines) \(child.errorText())")
            }
            return lines
        }
    }

    /// Returns when journald answers. Its READY=1 would go to a manager, so this asks until it does.
    func startJournal() throws {
        try shell("/lib/systemd/systemd-journald < /dev/null > /dev/null 2>&1 &")
        try shell("journal=$!; until journalctl --sync 2> /dev/null; do :; done")
    }

    /// Starts the helper, replacing one that ran before.
    func startHelper() throws {
        let path = try builtProduct("JournalTestHelper")
        try shell(
            """
            '\(path)' journal < /run/in > /run/out 2> /dev/null &
            helper=$!
            exec 7> /run/in 8< /run/out
            """)
    }

    /// One command to the helper, and its answer.
    @discardableResult
    func helper(_ command: String) throws -> String {
        let answer = try shell("echo '\(command)' >&7; read -r answer <&8; printf '%s' \"$answer\"")
        return answer.last ?? ""
    }

    /// `sent droppedByRate droppedByFull failed`
    func statistics() throws -> Statistics {
        let numbers = try helper("statistics").split(separator: " ").compactMap { UInt64($0) }
        guard numbers.count == 4 else { throw TestFailure("no statistics: \(numbers)") }
        return Statistics(
            sent: numbers[0], droppedByRate: numbers[1], droppedByFull: numbers[2], failed: numbers[3])
    }

    struct Statistics: Equatable {
        var sent: UInt64
        var droppedByRate: UInt64
        var droppedByFull: UInt64
        var failed: UInt64
    }

    /// What `journalctl -o json` has of memwatchd, in order.
    func entries(_ matches: String = "") throws -> [[String: Any]] {
        try shell("journalctl --sync")
        let lines = try shell(
            "journalctl -D /run/log/journal -o json --all --no-pager SYSLOG_IDENTIFIER=memwatchd \(matches)")
        return try lines.filter { $0.hasPrefix("{") }.map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return try #require(object as? [String: Any])
        }
    }
}

/// A field's bytes: journalctl prints what is not printable UTF-8 as an array of numbers.
func bytes(_ field: Any?) -> [UInt8]? {
    if let text = field as? String { return Array(text.utf8) }
    return (field as? [Int])?.map { UInt8(truncatingIfNeeded: $0) }
}

extension Trait where Self == ConditionTrait {
    /// Namespaces for a journald of the test's own: CAP_SYS_ADMIN, and systemd-journald itself.
    static var requiresPrivateJournal: Self {
        requires("private-journal", canRunJournal(), "it must run systemd-journald in namespaces of its own")
    }
}

private func canRunJournal() -> Bool {
    guard access("/lib/systemd/systemd-journald", X_OK) == 0 else { return false }
    let arguments = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    let output = try? run("unshare", arguments + ["sh", "-c", "mount -t tmpfs tmpfs /run && echo possible"])
    return output == "possible\n"
}
