import TestSupport
import Testing
import Varlink

@Suite(
    "What a process held at its end is in the journal", .requiresRoot, .requiresTool("systemd-nspawn"),
    .requiresMachine(), .requiresPackage, .timeLimit(.minutes(5)))
struct PostMortemTests {
    @Test("of a process that MemoryMax= killed, the entry says so", .requiresMemoryController)
    func outOfMemory() throws {
        let entry = try entryOfEnd(of: "memgrow malloc --size 16MiB --count 64 --step")
        #expect(entry["MEMWATCH_OOM_KILL"]?.stringValue == "1")
        #expect(entry["PRIORITY"]?.stringValue == "4")
        #expect(entry["MESSAGE"]?.stringValue?.contains("out-of-memory kill") == true)
    }

    @Test("of one that ended by itself under such a limit, it says that too", .requiresMemoryController)
    func ownEnd() throws {
        let entry = try entryOfEnd(of: "memgrow malloc --size 1MiB --count 4 --step")
        #expect(entry["MEMWATCH_OOM_KILL"]?.stringValue == "0")
        #expect(entry["PRIORITY"]?.stringValue == "5")
        #expect(entry["MEMWATCH_LAST_GROWTH_KIND"]?.stringValue == "anon")
        #expect(entry["MESSAGE"]?.stringValue?.contains("out-of-memory") == false)
    }

    /// Runs memgrow in a unit of 64 MiB, watched from before its first step, and returns the entry of its
    /// end.
    ///
    /// A shell stays in the unit: systemd removes the control group, with its count, when the last process
    /// of a unit is gone, which may be before anybody has read it.
    private func entryOfEnd(of command: String) throws -> JSON {
        let machine = try TestMachine()
        try machine.startDaemon()
        try machine.run("mkfifo", "/run/go", "/run/pid", "/run/step")
        try machine.addService(
            "limited.service",
            """
            ExecStart=/bin/sh -c 'read go </run/go; \(command) <>/run/step & echo $$! >/run/pid; sleep 1000'
            MemoryMax=64M
            MemorySwapMax=0
            OOMPolicy=continue
            """)
        try machine.run("systemctl", "start", "limited.service")
        try machine.run("memwatch", "attach", "--unit", "limited.service")
        let events = try machine.followEvents()
        try events.wait(for: "attached", of: try machine.mainPID(of: "limited.service"))

        try machine.run("sh", "-c", "echo go >/run/go")
        let text = try machine.run("cat", "/run/pid")
        let pid = try #require(Int64(text.prefix { $0 != "\n" }))
        try events.wait(for: "attached", of: pid)
        try machine.run("sh", "-c", "yes '' | head -n 64 >/run/step")
        try events.wait(for: "exit", of: pid)

        let entries = try machine.journal("MESSAGE_ID=\(Message.postMortem)", "MEMWATCH_PID=\(pid)")
        #expect(entries.count == 1)
        let entry = try #require(entries.first)
        #expect(entry["MEMWATCH_UNIT"]?.stringValue == "limited.service")
        #expect(entry["MEMWATCH_SIZE_BYTES"]?.stringValue.flatMap { Int64($0) } ?? 0 > 0)
        return entry
    }
}
