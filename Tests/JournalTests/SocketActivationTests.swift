import Glibc
import Journal
import TestSupport
import Testing

@Suite("Socket activation", .requiresTool("systemd-socket-activate"))
struct SocketActivationTests {
    @Test("the sockets come with their names, closed on exec, once")
    func activated() throws {
        let directory = try TemporaryDirectory()
        let first = directory.file("first")
        let second = directory.file("second")
        let child = try ChildProcess(
            "systemd-socket-activate",
            [
                "--listen", first, "--listen", second, "--fdname=varlink:other",
                try builtProduct("JournalTestHelper"), "listen",
            ])
        let connections = [try connectWhenBound(first), try connectWhenBound(second)]
        defer { for connection in connections { close(connection) } }
        #expect(try child.nextLine() == "name=varlink descriptor=3 cloexec=true")
        #expect(try child.nextLine() == "name=other descriptor=4 cloexec=true")
        #expect(try child.nextLine() == "environment=false")
        #expect(try child.nextLine() == "again=0")
        #expect(readAll(connections[0]) == "hello from varlink")
        #expect(readAll(connections[1]) == "hello from other")
    }

    @Test("a socket of another type is refused with what to change")
    func wrongType() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("datagram")
        let child = try ChildProcess(
            "systemd-socket-activate",
            ["--datagram", "--listen", path, try builtProduct("JournalTestHelper"), "listen"])
        let socket = try connectWhenBound(path, type: SOCK_DGRAM)
        defer { close(socket) }
        _ = send(socket, "x", 1, 0)
        let problem = try #require(try child.nextLine())
        #expect(problem.hasPrefix("problem=descriptor 3"))
        #expect(problem.hasSuffix("use ListenStream= with a path, and Accept=no"))
        #expect(try child.nextLine() == "environment=false")
    }

    @Test("variables meant for another process give nothing")
    func othersVariables() throws {
        let child = try helper(["listen"], ["LISTEN_FDS": "1", "LISTEN_PID": "1"])
        #expect(try child.nextLine() == "environment=false")
        #expect(try child.nextLine() == "again=0")
    }

    /// systemd-socket-activate says on standard error only, in words, that it listens: ask until it does.
    private func connectWhenBound(_ path: String, type: __socket_type = SOCK_STREAM) throws -> CInt {
        let descriptor = socket(AF_UNIX, CInt(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
        for _ in 0..<10_000_000 {
            if withAddress(path, { connect(descriptor, $0, $1) }) == 0 { return descriptor }
            sched_yield()
        }
        close(descriptor)
        throw TestFailure("nobody listens at \(path)")
    }

    private func readAll(_ descriptor: CInt) -> String {
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, 60_000) > 0 else { break }
            let count = read(descriptor, &chunk, chunk.count)
            if count <= 0 { break }
            text += chunk[..<count]
        }
        return String(decoding: text, as: UTF8.self)
    }
}
