import Glibc
import TestSupport
import Testing
import Varlink

@Suite(
    "The configuration is broken when memwatchd reads it again", .requiresPrivateJournal,
    .timeLimit(.minutes(5)))
struct BrokenReloadTests {
    /// What is in the file, and the place that is named.
    static let broken: [(text: [UInt8], place: String)] = [
        (Array("[sampling\n".utf8), ":1:"), (Array("[sampling]\nintervall = \"1s\"\n".utf8), ":2:1: "),
        (Array("[sampling]\ninterval = 5\n".utf8), ":2:12: "),
        (Array("[[target]]\ncomm = \"x\"\npid = 1\n".utf8), ":"), ([0x61, 0xff, 0xfe, 0x0a], ":"),
        (Array(repeating: UInt8(ascii: "["), count: 100_000), ":1:"),
    ]

    @Test("the old one stays in force, and one entry says where each new one is wrong")
    func reload() throws {
        let memgrow = try Memgrow("sbrk", "--size", "80KiB", "--count", "100", "--keep", "--step", "--hold")
        let good = "[[target]]\npid = \(memgrow.pid)\ninterval = \"200ms\"\n"
        let journal = try PrivateJournal()
        let daemon = try Daemon(good, through: journal.wrapper)
        let follower = try daemon.follow(memgrow.pid)
        try follower.wait(for: "attached")
        let before = try daemon.records("list")
        #expect(before.count == 1)

        func reload() throws {
            daemon.notifications.forget()
            daemon.process.signal(SIGHUP)
            try daemon.notifications.wait(for: "RELOADING=1", from: daemon.process)
            try daemon.notifications.wait(for: "READY=1", from: daemon.process)
            #expect(try daemon.records("list") == before)
            _ = try memgrow.step()
            try follower.wait(for: "brk-grow")
        }
        for (text, _) in Self.broken {
            try daemon.directory.write(text, to: "memwatchd.toml")
            try reload()
        }
        // No file at all, and one that everybody may write.
        unlink(daemon.configurationFile)
        try reload()
        try daemon.directory.write(good, to: "memwatchd.toml")
        chmod(daemon.configurationFile, 0o666)
        try reload()
        // And a good one is taken again.
        chmod(daemon.configurationFile, 0o644)
        try daemon.reload("")
        #expect(try daemon.records("list").isEmpty)
        try daemon.stop()

        let refused = try journal.entries("MESSAGE_ID=e20224408bef4b0280620da6811f9791")
        #expect(refused.count == Self.broken.count + 2)
        for (entry, place) in zip(
            refused, Self.broken.map(\.place) + [": does not exist", ": can be changed"])
        {
            let message = entry["MESSAGE"]?.stringValue ?? ""
            #expect(message.contains("the old one stays: \(daemon.configurationFile)\(place)"), "\(message)")
            #expect(entry["PRIORITY"]?.stringValue == "3")
            // It quotes no more than it must.
            #expect(message.utf8.count < 500)
        }
        #expect(try journal.entries("MESSAGE_ID=d221d3fa2b5c4fc4bcab8c7379083390").count == 1)
    }
}
