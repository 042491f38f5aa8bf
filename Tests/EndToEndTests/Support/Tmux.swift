import Glibc
import TestSupport

/// A real terminal: a tmux server of the test's own with one window, whose screen can be read back.
final class Tmux {
    private let directory: TemporaryDirectory
    private var socket: String { directory.file("tmux") }

    /// Starts a shell in a window of that size.
    init(columns: Int, rows: Int, environment: [String: String] = [:]) throws {
        directory = try TemporaryDirectory()
        // No configuration of whoever runs the tests, no login shell's greetings.
        try directory.write(
            "set -g status off\nset -g default-terminal screen-256color\nset -g escape-time 0\n", to: "conf")
        var words = ["-f", directory.file("conf"), "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)"]
        for (name, value) in environment { words += ["-e", "\(name)=\(value)"] }
        try run(words + ["env", "PS1=shell> ", "bash", "--norc", "--noprofile"])
        _ = try screen { $0.contains("shell>") }
    }

    deinit { _ = try? run(["kill-server"]) }

    @discardableResult
    private func run(_ words: [String]) throws -> String {
        let child = try ChildProcess("tmux", ["-S", socket] + words)
        child.closeInput()
        let output = try child.remainingOutput()
        guard try child.waitForExit() == .status(0) else {
            throw TestFailure("tmux \(words.joined(separator: " ")): \(child.errorText())")
        }
        return output
    }

    /// Types a line.
    func type(_ line: String) throws {
        try run(["send-keys", "-l", line])
        try run(["send-keys", "Enter"])
    }

    /// Presses one key, by tmux's name of it.
    func press(_ key: String) throws { try run(["send-keys", key]) }

    func resize(columns: Int, rows: Int) throws {
        try run(["resize-window", "-x", "\(columns)", "-y", "\(rows)"])
    }

    /// What the window shows, once it is what is waited for. tmux has no word for "the screen has changed", so it is
    /// asked again; a screen that never comes is a failure with the last one in it.
    @discardableResult
    func screen(within seconds: Double = 30, _ isWanted: (String) -> Bool) throws -> String {
        var last = ""
        let deadline = monotonicSeconds() + seconds
        while monotonicSeconds() < deadline {
            last = try run(["capture-pane", "-p"])
            if isWanted(last) { return last }
            usleep(50_000)
        }
        throw TestFailure("the screen never was as wanted; at last:\n\(last)")
    }

    /// Whether the window is on its other screen, and whether it shows a cursor.
    func state() throws -> (isAlternate: Bool, hasCursor: Bool) {
        let words = try run(["display-message", "-p", "#{alternate_on} #{cursor_flag}"]).split(
            whereSeparator: \.isWhitespace)
        return (words.first == "1", words.last == "1")
    }

    private func monotonicSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
