import Glibc
import TestSupport
import Testing
import Varlink

/// Runs a workload from its first instruction under memwatch and under strace.
struct OracleRun {
    let trace: Trace
    let ledgers: [Ledger]
    let result: Comparison
    let status: JSON

    init(_ workload: Workload, source: String) throws {
        let daemon = try Daemon(Daemon.quiet + "[events]\nsource = \"\(source)\"\n")
        let file = workload.directory.file("trace")
        // Nothing of the program has run when both are there.
        let shell = try ChildProcess("sh", ["-c", "read go; exec \"$@\"", "sh"] + workload.words)
        _ = try daemon.output("attach", "\(shell.pid)", "--children", "--interval", "100ms")
        let follower = try daemon.follow(shell.pid)
        try follower.wait(for: "attached")
        try follower.end()

        let calls = (Trace.oracle + Trace.explaining).joined(separator: ",")
        let strace = try ChildProcess(
            "strace", ["-f", "-ttt", "-T", "-e", "trace=\(calls)", "-o", file, "-p", "\(shell.pid)"],
            errorsToOutput: true)
        guard let line = try strace.nextLine(), line.hasSuffix(" attached") else {
            throw TestFailure("strace did not attach: \(try strace.remainingOutput())")
        }
        try shell.send("go\n")
        shell.closeInput()
        _ = try shell.remainingOutput(within: 240)
        let exit = try shell.waitForExit(within: 240)
        #expect(exit == .status(0), "\(workload.name): \(shell.errorText())")
        _ = try strace.remainingOutput()
        try strace.waitForExit()
        trace = Trace(try readText(file))

        // The history has all of a process when it has its end.
        var followed: Set<Int32> = []
        while true {
            let known = Set(
                try daemon.records("list", "--all").compactMap { $0["pid"]?.integerValue }.map { Int32($0) })
            if known == followed { break }
            for pid in known.subtracting(followed) {
                let end = try daemon.follow(pid)
                try end.wait(for: "exit")
                try end.end()
            }
            followed = known
        }
        if let keep = getenv("MEMWATCH_ORACLE_KEEP").map({ String(cString: $0) }) {
            let words = workload.name.prefix { $0 != ":" }
            try run(
                "sh",
                [
                    "-c",
                    "mkdir -p \"$1\"; cp \"$2\" \"$1/trace\"; sqlite3 \"$3\" \".backup '$1/history.sqlite'\"",
                    "sh",
                    "\(keep)/\(words)-\(source)", file, daemon.database,
                ])
        }
        ledgers = try followed.sorted().map { try Ledger(of: $0, from: daemon) }
        status = try JSON(parsing: try daemon.output("status", "--format", "json"))
        try daemon.stop()

        var result = Comparison()
        let isPerf = source == "perf"
        for pid in trace.processes {
            let calls = trace.calls.filter { $0.pid == pid }
            if let ledger = ledgers.first(where: { $0.pid == pid }) {
                result.add(ledger, calls, isPerf: isPerf)
            } else {
                result.addUnknown(calls, isPerf: isPerf)
            }
        }
        self.result = result
        OracleTable.add(workload.name, source, trace, followed: ledgers.count, result)
    }

    /// What must hold, and where it does not, what to look at.
    func check(sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(trace.unreadable == [], sourceLocation: sourceLocation)
        #expect(trace.calls.count { $0.effect == .birth } > 20, sourceLocation: sourceLocation)
        #expect(ledgers.allSatisfy { trace.processes.contains($0.pid) }, sourceLocation: sourceLocation)
        #expect(!result.distances.contains { $0 < -Comparison.tolerance }, sourceLocation: sourceLocation)
        for call in result.missing.prefix(10) {
            Issue.record(
                "not in the ledger: \(call.text)\n\(neighbours(of: call))", sourceLocation: sourceLocation)
        }
        #expect(result.missing.count == 0, sourceLocation: sourceLocation)
        for entry in result.unexplained.prefix(10) {
            Issue.record(
                "not in the trace: \(entry.description)\n\(neighbours(of: entry))",
                sourceLocation: sourceLocation)
        }
        #expect(result.unexplained.count == 0, sourceLocation: sourceLocation)
        #expect(result.wrongSums == [], sourceLocation: sourceLocation)
        #expect(result.gaps == 0, sourceLocation: sourceLocation)
    }

    /// The events of the process around a call, by time.
    private func neighbours(of call: TracedCall) -> String {
        guard let ledger = ledgers.first(where: { $0.pid == call.pid }) else {
            return "    \(call.pid) is not followed"
        }
        return ledger.entries.sorted { call.distance(to: $0.time) < call.distance(to: $1.time) }.prefix(6)
            .map { "    \($0.time - call.entry) µs: \($0.description)" }.joined(separator: "\n")
    }

    /// The calls on the same memory, by time.
    private func neighbours(of entry: Ledger.Entry) -> String {
        guard let range = entry.range, let pid = entry.event.pid else { return "" }
        return trace.calls.filter { Int64($0.pid) == pid && $0.touches(range) }
            .sorted { $0.distance(to: entry.time) < $1.distance(to: entry.time) }.prefix(6)
            .map { "    \($0.entry - entry.time) µs: \($0.text)" }.joined(separator: "\n")
    }
}

extension Ledger.Entry: CustomStringConvertible {
    var description: String {
        let permissions = event.json["perms"]?.stringValue ?? "-"
        let source = isPerf ? "perf" : "sample"
        return
            "\(time) \(event) \(permissions) \(event.path ?? "-") tid \(tid.map(String.init) ?? "-") \(source)"
    }
}
