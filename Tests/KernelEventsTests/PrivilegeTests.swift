import Glibc
import ProcFS
import TestSupport
import Testing

@testable import KernelEvents

/// What somebody without privileges may have, and what is said where something is missing.
@Suite(.requiresPerf, .requiresTool("cc"), .requiresRoot, .requiresTool("setpriv"), .requiresOrdinaryPerf)
struct PrivilegeTests {
    /// A user that nobody is, so that nobody else's rings count together with ours.
    private let user = Int.random(in: 200_000..<2_000_000)

    /// A watcher that runs as ``user``, with limits of its own.
    private func helper(_ arguments: String...) throws -> Helper {
        let directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        let program = directory.file("helper")
        // The build may lie where that user may not go.
        try run("cp", [try builtProduct("KernelEventsTestHelper"), program])
        return Helper(
            directory: directory,
            process: try ChildProcess(
                "setpriv",
                ["--reuid", "\(user)", "--regid", "\(user)", "--clear-groups", program] + arguments))
    }

    private struct Helper {
        /// Removed with the last reference.
        let directory: TemporaryDirectory
        let process: ChildProcess

        func ask(_ question: String) throws -> String {
            try process.send(question + "\n")
            return try process.nextLine() ?? "ended: \(process.errorText())"
        }
    }

    @Test("an ordinary user's own processes can be watched, with threads and children")
    func own() throws {
        let helper = try helper()
        let subject = try Subject(as: user)
        #expect(try helper.ask("watch \(subject.pid) machine /memwatch process") == "process")
        try subject.perform("map 0 4096 3 \(MAP_SHARED)")
        try subject.perform("thread 8192")
        let child = try subject.perform("fork 12288").value
        #expect(try helper.ask("drain \(subject.pid)") == "\(subject.pid):4096,8192;\(child):12288")
    }

    @Test("what an ordinary user may not have is refused with a reason and a remedy")
    func refused() throws {
        let helper = try helper()
        let mine = try Subject(as: user)
        let machine =
            "machine: perf_event_open is refused (EACCES): perf_event_paranoid is "
            + "\(ProcRoot().perfEventParanoid() ?? 2); give the daemon CAP_PERFMON"
        #expect(try helper.ask("watch \(mine.pid) machine") == "refused: " + machine)
        #expect(try helper.ask("probe") == machine + "|allowed")
        let others = try helper.ask("watch \(getpid()) process")
        #expect(others.hasPrefix("refused: process: perf_event_open is refused (EACCES): the process is"))
        #expect(others.hasSuffix("give the daemon CAP_PERFMON"))
    }

    @Test("rings become smaller where locked memory is scarce, and work")
    func lockedMemory() throws {
        let helper = try helper("\(64 << 20)", "0")
        let subject = try Subject(as: user)
        #expect(try helper.ask("watch \(subject.pid) process") == "process")
        let bytes = Int(try helper.ask("rings")) ?? 0
        // What perf_event_mlock_kb grants beside RLIMIT_MEMLOCK.
        #expect(bytes >= 32 << 10 && bytes < 64 << 20)
        try subject.perform("map 0 4096 3 \(MAP_SHARED)")
        #expect(try helper.ask("drain \(subject.pid)") == "\(subject.pid):4096")
    }

    @Test("a user whose allowance is used up is told what to raise")
    func noMemory() throws {
        let first = try helper("\(64 << 20)", "0")
        let second = try helper("\(64 << 20)", "0")
        let subject = try Subject(as: user)
        // The allowance is the user's, not the process's: rings of half of it, then of a quarter, …
        var greedy: [Helper] = [first]
        while try greedy[greedy.count - 1].ask("watch \(subject.pid) process") == "process" {
            greedy.append(try helper("\(64 << 20)", "0"))
            guard greedy.count < 16 else { break }
        }
        let answer = try second.ask("watch \(subject.pid) process")
        #expect(answer.hasPrefix("refused: process: the rings exceed the locked memory allowed"))
        #expect(try second.ask("probe").contains("LimitMEMLOCK="))
    }

    @Test("a process of more threads than there are descriptors is refused, and leaves nothing open")
    func descriptors() throws {
        let processors = Processors.online.count
        // The rings, the streams, the wake-up and a file of /proc fit; a process's events do not.
        let helper = try helper("\(32 << 10)", "\(1 << 30)", "\(processors + 6)")
        let subject = try Subject(as: user)
        try subject.perform("idle 64")
        for _ in 0..<3 {
            let answer = try helper.ask("watch \(subject.pid) process")
            #expect(answer.contains("raise LimitNOFILE="))
        }
    }

    @Test("each errno of perf_event_open has its cause and one line that says how to mend it")
    func causes() {
        let expected: [(Int32, String)] = [
            (EPERM, "SystemCallFilter="), (ENOSYS, "CONFIG_PERF_EVENTS"), (ENOENT, "CONFIG_PERF_EVENTS"),
            (EMFILE, "LimitNOFILE="), (ESRCH, "no such process"), (EBUSY, "busy"),
        ]
        for (code, words) in expected {
            let refusal = KernelEventRefusal(scope: .machine, opening: code)
            #expect(refusal.description.contains(words) && !refusal.description.contains("\n"))
        }
    }
}
