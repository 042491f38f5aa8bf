import Glibc
import TestSupport
import Testing
import Varlink

/// memwatch on a kernel that lacks something, for which it has another way (`MEMWATCH_WITHOUT`).
@Suite(
    "Without what only newer kernels have", .requiresTool("cc"), .timeLimit(.minutes(5)))
struct OlderKernelTests {
    @Test(
        "a huge map that changes at random is told to the byte, and is the kernel's once it stands still",
        arguments: ["none", "procmap-query,pagemap-scan"], ["sampling", "auto"])
    func hugeMap(without features: String, source: String) throws {
        let configuration = """
            [sampling]
            full_scan_interval = "1s"
            [events]
            source = "\(source)"

            """
        let daemon = try Daemon(
            configuration + Daemon.quiet, environment: ["MEMWATCH_WITHOUT": features])
        let program = try ChangingProcess(areas: 4_200, seed: 7)
        _ = try daemon.attach(program.pid)
        for _ in 0..<60 {
            try program.change(5)
            // Takes the time of some ticks, all together.
            _ = try daemon.output("list")
        }
        let history = try daemon.settled(program)
        try daemon.expectSums(of: program.pid, over: history)
        #expect(try daemon.map(of: program.pid) == program.stretches())
        try daemon.stop()
    }

    @Test(
        "PROCMAP_QUERY is asked about the places that changed last, and not where it is withheld",
        .requiresStrace, .requiresKernelRecords, arguments: ["none", "procmap-query"])
    func placeQueries(without feature: String) throws {
        let daemon = try Daemon(environment: ["MEMWATCH_WITHOUT": feature])
        let program = try ChangingProcess(areas: 4_200)
        _ = try daemon.attach(program.pid)
        let trace = daemon.directory.file("trace")
        let strace = try ChildProcess(
            "strace", ["-f", "-e", "trace=ioctl", "-o", trace, "-p", "\(daemon.process.pid)"],
            errorsToOutput: true)
        while let line = try strace.nextLine(), !line.contains("attached") {}
        // Areas that come, and go again without a record, while the map is too dear to be read.
        for _ in 0..<30 {
            try program.change(3)
            _ = try daemon.output("list")
        }
        strace.signal(SIGINT)
        try strace.waitForExit()
        // strace knows its name only from 6.11 on.
        let asked = try readText(trace).split(separator: "\n").count {
            $0.contains("PROCMAP_QUERY") || $0.contains("0x66, 0x11,")
        }
        #expect(feature == "none" ? asked > 0 : asked == 0, "\(asked)")
        try daemon.stop()
    }
}

extension Daemon {
    /// Its samples, once the last is consistent and the map in the history is the process's, which stands still.
    func settled(_ program: ChangingProcess) throws -> [JSON] {
        let (size, truth) = (Int64(try program.vmSize()), try program.stretches())
        let patience = ContinuousClock.now + .seconds(120)
        while true {
            let samples = try records("history", "\(program.pid)")
            if let last = samples.last, last["vm_size"]?.integerValue == size,
                last["consistent"]?.boolValue == true, try map(of: program.pid) == truth
            {
                return samples
            }
            guard ContinuousClock.now < patience else {
                throw TestFailure(
                    "not settled: \(samples.last.map { "\($0)" } ?? "no sample"), VmSize \(size)")
            }
        }
    }

    /// The map that the history has now.
    func map(of pid: Int32) throws -> [ChangingProcess.Stretch] {
        ChangingProcess.Stretch.merged(
            try records("regions", "\(pid)", "--at", "now").map { region in
                func number(_ key: String) -> UInt64 {
                    UInt64(region[key]?.stringValue?.dropFirst(2) ?? "", radix: 16) ?? 0
                }
                return ChangingProcess.Stretch(
                    start: number("start"), end: number("end"),
                    permissions: region["perms"]?.stringValue ?? "",
                    inode: UInt64(region["inode"]?.integerValue ?? -1))
            })
    }

    /// The deltas of all events lead from the first sample to the last, kind by kind.
    func expectSums(
        of pid: Int32, over samples: [JSON], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let events = try records("events", "\(pid)").map(Event.init)
        let first = try #require(samples.first?["kinds"]?.objectValue)
        let last = try #require(samples.last?["kinds"]?.objectValue)
        #expect(first.count == 17)
        for (kind, bytes) in first {
            let change = (last[kind]?.integerValue ?? 0) - (bytes.integerValue ?? 0)
            #expect(events.delta(of: kind) == change, "\(kind)", sourceLocation: sourceLocation)
        }
    }
}
