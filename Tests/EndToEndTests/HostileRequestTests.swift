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
        let connection = try Connection(daemon.socket)
        let request = Array(Self.list.utf8) + [0]
        #expect(connection.send(Array(request.prefix(20))) == 20)
        #expect(try daemon.run("list").exit == .status(0))
        #expect(connection.send(Array(request.dropFirst(20))) == request.count - 20)
        let reply = try #require(connection.frame())
        #expect(try JSON(parsing: reply)["parameters"]?["targets"] == [])
        // One that never comes.
        let other = try Connection(daemon.socket)
        #expect(other.send(Array(request.prefix(20))) == 20)
        try daemon.stop()
    }

    @Test("10 MB without an end are cut off while others are answered, and do not stay in memory")
    func endless() throws {
        let daemon = try Daemon()
        let before = try resident(daemon.process.pid)
        for _ in 0..<4 {
            let connection = try Connection(daemon.socket)
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
        let connection = try Connection(daemon.socket)
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
        let deaf = try Connection(daemon.socket)
        let request = #"{"method":"org.memwatch.Monitor.Events","parameters":{"follow":true},"more":true}"#
        #expect(deaf.send(Array(request.utf8) + [0]) > 0)
        do {
            let short = try Connection(daemon.socket)
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

/// A client that knows only the socket.
private final class Connection {
    private let descriptor: CInt
    private var pending: [UInt8] = []

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard withUnixAddress(path, { connect(descriptor, $0, $1) }) == 0 else {
            throw TestFailure("cannot connect to \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// How much went through before the other side hung up, or took nothing for a minute.
    func send(_ bytes: [UInt8]) -> Int {
        var done = 0
        while done < bytes.count {
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&entry, 1, 60_000) > 0 else { break }
            let count = bytes[done...].withUnsafeBytes {
                Glibc.send(
                    descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count < 0 && (errno == EAGAIN || errno == EINTR) { continue }
            if count <= 0 { break }
            done += count
        }
        return done
    }

    /// The next message without its NUL; nil when the other side has closed.
    func frame() -> [UInt8]? {
        while true {
            if let end = pending.firstIndex(of: 0) {
                defer { pending.removeSubrange(...end) }
                return Array(pending[..<end])
            }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 60_000) > 0 else { return nil }
            var chunk = [UInt8](repeating: 0, count: 1 << 16)
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count <= 0 { return nil }
            pending += chunk[..<count]
        }
    }
}
