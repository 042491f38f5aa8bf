import TestSupport
import Testing
import Varlink

/// A memgrow under watch, step by step.
final class Watch {
    let daemon: Daemon
    let memgrow: Memgrow
    let follower: Follower

    init(_ daemon: Daemon, _ memgrow: Memgrow) throws {
        self.daemon = daemon
        self.memgrow = memgrow
        follower = try daemon.attach(memgrow.pid)
    }

    /// One step of memgrow's: what it said, and the events that add up to it. The history must
    /// have changed by as much.
    func step() throws -> (said: Memgrow.Line, seen: [Event]) {
        let before = try kinds()
        let said = try memgrow.step()
        let kind = try #require(said.kind)
        let delta = try #require(said.delta)
        if said.event == "brk-same" { return (said, []) }
        let seen = try wait { events in
            said.event == "protect"
                ? events.contains { $0.type == "protect" } : events.delta(of: kind) == delta
        }
        let after = try kinds()
        #expect((after[kind] ?? 0) - (before[kind] ?? 0) == delta, "\(said)")
        for (other, bytes) in after where other != kind {
            #expect(bytes == before[other], "\(other): \(said)")
        }
        return (said, seen)
    }

    func wait(until isEnough: ([Event]) -> Bool) throws -> [Event] { try follower.wait(until: isEnough) }

    func lastSample() throws -> JSON { try #require(try daemon.records("history", "\(memgrow.pid)").last) }

    /// The kinds of the last sample, which add up to its VmSize.
    private func kinds() throws -> [String: Int64] {
        let sample = try lastSample()
        var kinds: [String: Int64] = [:]
        for (kind, bytes) in try #require(sample["kinds"]?.objectValue) { kinds[kind] = bytes.integerValue }
        #expect(kinds.values.reduce(0, +) == sample["vm_size"]?.integerValue)
        return kinds
    }

    /// What was followed is what `events` has, and what the journal has, field by field.
    func finish(_ journal: PrivateJournal) throws {
        let pid = "\(memgrow.pid)"
        #expect(try daemon.records("events", pid).map(Event.init) == follower.events)
        // Ends with what was still on its way to the journal.
        try daemon.stop()
        let entries = try journal.entries("MEMWATCH_PID=\(pid)")
        #expect(entries.count == follower.events.count)
        for (entry, event) in zip(entries, follower.events) {
            func field(_ name: String) -> String? { entry[name]?.stringValue }
            #expect(field("MEMWATCH_EVENT") == event.type)
            #expect(field("MEMWATCH_KIND") == event.kind)
            #expect(field("MEMWATCH_DELTA_BYTES") == event.delta.map { "\($0)" })
            #expect(field("MEMWATCH_SIZE_BYTES") == event.size.map { "\($0)" })
            #expect(field("MEMWATCH_ADDRESS") == event.start)
            #expect(field("MEMWATCH_SOURCE") == event.source && field("MEMWATCH_COMM") == "memgrow")
            #expect(field("OBJECT_PID") == pid && field("SYSLOG_IDENTIFIER") == "memwatchd")
            #expect(field("MESSAGE")?.hasPrefix("memgrow[\(pid)]: ") == true)
        }
    }
}
