import Glibc
import TestSupport
import Testing
import Varlink

@Suite("Requests that nobody should send", .timeLimit(.minutes(5)))
struct HostileRequestTests {
    private static let list = #"{"method":"org.memwatch.Monitor.List"}"#

    @Test("half a request holds up nobody, and is answered when its rest comes")
    func half() throws {
        let daemon = try Daemon()
        let connection = try SocketConnection(daemon.socket)
        let request = Array(Self.list.utf8) + [0]
        #expect(connection.send(Array(request.prefix(20))) == 20)
        #expect(try daemon.run("list").exit == .status(0))
        #expect(connection.send(Array(request.dropFirst(20))) == request.count - 20)
        let reply = try #require(connection.frame())
        #expect(try JSON(parsing: reply)["parameters"]?["targets"] == [])
        // One that never comes.
        let other = try SocketConnection(daemon.socket)
        #expect(other.send(Array(request.prefix(20))) == 20)
        try daemon.stop()
    }

    @Test("10 MB without an end are cut off while others are answered, and do not stay in memory")
    func endless() throws {
        let daemon = try Daemon()
        let before = try resident(daemon.process.pid)
        for _ in 0..<4 {
            let connection = try SocketConnection(daemon.socket)
            let sent = connection.send([UInt8](repeating: UInt8(ascii: "["), count: 10 << 20))
            #expect(sent < 10 << 20, "it took all of it")
            while connection.frame() != nil {}
            #expect(try daemon.run("list").exit == .status(0))
        }
        #expect(try resident(daemon.process.pid) - before < 32 << 20)
        try daemon.stop()
    }

    @Test(
        "what is no request is answered with an error or closed",
        arguments: [
            "", "null", "[]", "{}", "{\"method\":1}", "{\"method\":\"x\"}", "\u{7f}\u{1}",
            "{\"method\":\"a.b.C\"}",
            #"{"method":"org.memwatch.Monitor.Attach","parameters":{"pid":99999999999999}}"#,
            #"{"method":"org.memwatch.Monitor.Regions","parameters":{"pid":"1"}}"#,
            #"{"method":"org.memwatch.Monitor.History","parameters":{"pid":-1}}"#,
            #"{"method":"org.memwatch.Monitor.Nothing"}"#,
        ])
    func nonsense(_ text: String) throws { try answers(text) }

    @Test("a request nested a hundred thousand deep is answered with an error or closed")
    func nesting() throws { try answers(String(repeating: "[", count: 100_000)) }

    private func answers(_ text: String) throws {
        let daemon = try Daemon()
        let connection = try SocketConnection(daemon.socket)
        _ = connection.send(Array(text.utf8) + [0])
        if let reply = connection.frame() {
            #expect(try JSON(parsing: reply)["error"]?.stringValue?.isEmpty == false)
        }
        #expect(try daemon.run("list").exit == .status(0))
        try daemon.stop()
    }

    @Test("a follower that hangs up, and one that never reads, hold up nobody")
    func followers() throws {
        let daemon = try Daemon()
        let memgrow = try Memgrow("sbrk", "--count", "3", "--step", "--hold")
        let deaf = try SocketConnection(daemon.socket)
        let request = #"{"method":"org.memwatch.Monitor.Events","parameters":{"follow":true},"more":true}"#
        #expect(deaf.send(Array(request.utf8) + [0]) > 0)
        do {
            let short = try SocketConnection(daemon.socket)
            #expect(short.send(Array(request.utf8) + [0]) > 0)
        }
        let follower = try daemon.attach(memgrow.pid)
        _ = try memgrow.step()
        try follower.wait(for: "brk-grow")
        try daemon.stop()
    }

    private func resident(_ pid: pid_t) throws -> Int {
        let pages = try readText("/proc/\(pid)/statm").split(separator: " ").dropFirst().first.flatMap {
            Int($0)
        }
        return try #require(pages) * Int(getpagesize())
    }
}
