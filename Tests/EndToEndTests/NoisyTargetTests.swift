import TestSupport
import Testing
import Varlink

@Suite(
    "A target that maps without a pause", .requiresTool("cc"), .requiresKernelRecords, .timeLimit(.minutes(5))
)
struct NoisyTargetTests {
    @Test(
        "it is put on sampling, list and status say so and why, and the sums stay right",
        .withoutSanitizer("three calls of a client outlast three seconds of quiet"))
    func paused() throws {
        let daemon = try Daemon()
        let program = try ChangingProcess(areas: 100)
        let follower = try daemon.attach(program.pid)
        try program.change(20)
        let target = { try daemon.records("list").first { $0["pid"]?.integerValue == Int64(program.pid) } }
        // Whoever else on the machine is as noisy has taken it to sampling already.
        let hadRecords = try target()?["event_source"]?.stringValue == "perf"

        try program.makeNoise()
        // Where the records end.
        if hadRecords { try follower.wait(for: "gap") }
        #expect(try target()?["event_source"]?.stringValue == "sampling")
        let why = "more than 10,000 mapping calls a second"
        #expect(try daemon.output("list").contains(why))
        let status = try JSON(parsing: try daemon.output("status", "--format", "json"))
        #expect(status["event_source"]?.stringValue == "sampling")
        #expect(status["event_source_reason"]?.stringValue?.contains(why) == true)

        // Still on sampling: it takes three seconds of quiet to be believed.
        _ = try program.map(bytes: 3 << 20)
        let found = try follower.wait { $0.contains { $0.delta ?? 0 >= 3 << 20 } }
        #expect(found.last?.source == "sample")
        try program.fork()
        let fork = try follower.wait(for: "fork")
        #expect(fork.source == "perf")
        try program.change(100)
        try daemon.expectSums(of: program.pid, over: try daemon.settled(program))
        try daemon.stop()
    }
}
