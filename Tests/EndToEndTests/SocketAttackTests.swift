import Glibc
import Synchronization
import TestSupport
import Testing
import Varlink

/// One user does with the socket of a running daemon what he can; another asks meanwhile.
@Suite(
    "Whatever one user sends, another does not wait", .serialized, .requiresRoot, .requiresTool("setpriv"),
    .requiresTool("python3"), .timeLimit(.minutes(30)))
struct SocketAttackTests {
    /// `MEMWATCH_ATTACK=full` does what docs/fuzzing.md has figures of: a million frames, a gigabyte.
    private static let isFull = getenv("MEMWATCH_ATTACK") != nil

    /// What is sent, and how much of it in an ordinary run and in full.
    private static let attacks: [(kind: String, some: Int, full: Int)] = [
        ("connections", 1_000, 1_000), ("slow", 1_000, 20_000), ("frames", 2_000, 1_000_000),
        ("nesting", 30, 1_000), ("large", 192, 6_400), ("garbage", 64 << 20, 1 << 30),
    ]

    @Test("and the daemon's memory stays", arguments: attacks)
    func attack(_ attack: (kind: String, some: Int, full: Int)) async throws {
        let daemon = try Daemon()
        let amount = Self.isFull ? attack.full : attack.some
        let asker = try Asker(daemon.socket)
        // So that what the daemon needs once is there before.
        try asker.ask(500)
        let (before, quiet) = (try resident(daemon, "VmRSS"), asker.takeFigures())
        let attacker = try ChildProcess(
            "setpriv",
            [
                "--reuid=12345", "--regid=12345", "--clear-groups", "/usr/bin/python3", "-c",
                try Self.script(),
                daemon.socket,
                attack.kind, "\(amount)",
            ])
        let isOver = Flag()
        async let asked: Void = offPool { while !isOver.isSet { try asker.ask(16) } }
        let output = await outcome(of: { try attacker.remainingOutput(within: 1500) })
        isOver.set()
        try await asked
        #expect(try attacker.waitForExit() == .status(0), "\(attacker.errorText())")
        let done = try output.get()
        let figures = asker.takeFigures()
        let grown = try resident(daemon, "VmHWM") - before
        let line =
            "\(attack.kind): \(done.dropLast()); \(figures.calls.count) calls of another waited "
            + "\(figures.calls.summary); before \(quiet.calls.summary); two threads of the same program "
            + "\(figures.wakeUps.summary); memory grew \(grown >> 10) KiB"
        note(line)
        #expect(figures.calls.count >= 16)
        // On a machine that others use too, single calls of a debug build wait for those. A server that is held up
        // holds up all of them; in full, with a release build and the machine for itself, none may wait.
        let waited = Self.isFull ? figures.calls.longest : figures.calls.usual
        // A sanitizer's time and memory are no part of either figure; what is left is that all were answered.
        if Sanitizer.active == nil {
            #expect(waited - figures.wakeUps.longest <= 100_000, "\(line)")
            #expect(grown < 64 << 20, "\(line)")
        }
        try daemon.stop()
    }

    /// On a thread of its own, whether it succeeds or not.
    private func outcome<Value: Sendable>(
        of body: @escaping @Sendable () throws -> Value
    ) async -> Result<Value, any Error> {
        do { return .success(try await offPool(body)) } catch { return .failure(error) }
    }

    /// As text, because the directory that it lies in may be closed to other users.
    private static func script() throws -> String {
        let file = #filePath
        return try readText(
            String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]) + "/Support/attack.py")
    }

    private func resident(_ daemon: Daemon, _ key: String) throws -> Int {
        let status = try readText("/proc/\(daemon.process.pid)/status")
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(key + ":") })
        let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap {
            Int($0)
        }
        return try #require(kibibytes) << 10
    }

    /// Where docs/fuzzing.md has its figures from.
    private func note(_ line: String) {
        guard let path = getenv("MEMWATCH_ATTACK_LOG") else { return }
        let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { return }
        defer { close(file) }
        _ = Array((line + "\n").utf8).withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}
