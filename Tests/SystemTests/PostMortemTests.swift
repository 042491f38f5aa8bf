import TestSupport
import Testing
import Varlink

@Suite(
    "What a process held at its end is in the journal", .requiresRoot, .requiresTool("systemd-nspawn"),
    .requiresMachine(), .timeLimit(.minutes(5)))
struct PostMortemTests {
    @Test("of a unit that its MemoryMax= killed, the entry says so", .requiresMemoryController)
    func outOfMemory() throws {
        let entry = try entryOfEnd(
            of: "exec memgrow malloc --size 16MiB --count 64", limits: "MemoryMax=64M\nMemorySwapMax=0")
        #expect(entry["MEMWATCH_OOM_KILL"]?.stringValue == "1")
        #expect(entry["PRIORITY"]?.stringValue == "4")
        #expect(entry["MESSAGE"]?.stringValue?.contains("out-of-memory kill") == true)
    }

    @Test("of one that ended by itself in such a unit, it says that too", .requiresMemoryController)
    func ownEnd() throws {
        let entry = try entryOfEnd(
            of: "exec memgrow malloc --size 1MiB --count 4", limits: "MemoryMax=64M\nMemorySwapMax=0")
        #expect(entry["MEMWATCH_OOM_KILL"]?.stringValue == "0")
        #expect(entry["PRIORITY"]?.stringValue == "5")
    }

    /// Runs a shell command as a unit, watched from before it begins, and returns the entry of its end.
    private func entryOfEnd(of command: String, limits: String) throws -> JSON {
        let machine = try TestMachine()
        try machine.startDaemon()
        try machine.run("mkfifo", "/run/go")
        try machine.addService(
            "victim.service", "ExecStart=/bin/sh -c 'read go </run/go; \(command)'\n\(limits)")
        try machine.run("systemctl", "start", "victim.service")
        let pid = try machine.mainPID(of: "victim.service")
        try machine.run("memwatch", "attach", "--unit", "victim.service")
        let events = try machine.followEvents()
        try events.wait(for: "attached", of: pid)
        try machine.run("sh", "-c", "echo go >/run/go")
        try events.wait(for: "exit", of: pid)
        let entries = try machine.journal("MESSAGE_ID=\(Message.postMortem)", "MEMWATCH_PID=\(pid)")
        #expect(entries.count == 1)
        let entry = try #require(entries.first)
        #expect(entry["MEMWATCH_UNIT"]?.stringValue == "victim.service")
        #expect(entry["MEMWATCH_SIZE_BYTES"]?.stringValue.flatMap { Int64($0) } ?? 0 > 0)
        return entry
    }
}
