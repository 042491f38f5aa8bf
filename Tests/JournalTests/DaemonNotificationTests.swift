import Glibc
import Journal
import Testing

@Suite("The service manager")
struct DaemonNotificationTests {
    @Test("hears readiness, status, reloading with its time, the watchdog and stopping, one message each")
    func notify() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/notify"
        let socket = try #require(bindDatagram(path))
        defer { close(socket) }
        let child = try Child(
            [helperPath(), "notify"], environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"])
        #expect(try child.line() == "supervised=true watchdog=30.0 seconds")
        #expect(receive(socket) == "READY=1\nSTATUS=2 targets")
        // A status cannot say anything else than a status.
        #expect(receive(socket) == "STATUS=forged\\nSTOPPING=1")
        let reloading = try #require(receive(socket)).split(separator: "\n")
        #expect(reloading.first == "RELOADING=1")
        let microseconds = try #require(reloading.last?.split(separator: "=").last.flatMap { UInt64($0) })
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let age = Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000 - Int64(microseconds)
        #expect((0...60_000_000).contains(age))
        #expect(receive(socket) == "WATCHDOG=1")
        #expect(receive(socket) == "STOPPING=1\nSTATUS=writing the last batch")
    }

    @Test("is not missed where there is none")
    func unsupervised() throws {
        let child = try Child([helperPath(), "notify"])
        #expect(try child.line() == "supervised=false watchdog=none")
    }

    @Test("that watches another process's watchdog does not have this one feed it")
    func othersWatchdog() throws {
        let child = try Child(
            [helperPath(), "notify"], environment: ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"])
        #expect(try child.line() == "supervised=false watchdog=none")
    }

    private func bindDatagram(_ path: String) -> CInt? {
        let socket = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        return withAddress(path) { bind(socket, $0, $1) } == 0 ? socket : nil
    }

    private func receive(_ socket: CInt) -> String? {
        var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, 60_000) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(socket, &buffer, buffer.count, 0)
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }
}

@Suite(
    "Socket activation", .enabled(if: access("/usr/bin/systemd-socket-activate", X_OK) == 0, "needs systemd"))
struct SocketActivationTests {
    @Test("the sockets come with their names, closed on exec, once")
    func activated() throws {
        let directory = try ScratchDirectory()
        let first = directory.path + "/first"
        let second = directory.path + "/second"
        let child = try Child([
            "systemd-socket-activate", "--listen", first, "--listen", second, "--fdname=varlink:other",
            helperPath(), "listen",
        ])
        let connections = [try connectWhenBound(first), try connectWhenBound(second)]
        defer { for connection in connections { close(connection) } }
        #expect(try child.line() == "name=varlink descriptor=3 cloexec=true")
        #expect(try child.line() == "name=other descriptor=4 cloexec=true")
        #expect(try child.line() == "environment=false")
        #expect(try child.line() == "again=0")
        #expect(readAll(connections[0]) == "hello from varlink")
        #expect(readAll(connections[1]) == "hello from other")
    }

    @Test("a socket of another type is refused with what to change")
    func wrongType() throws {
        let directory = try ScratchDirectory()
        let path = directory.path + "/datagram"
        let child = try Child([
            "systemd-socket-activate", "--datagram", "--listen", path, helperPath(), "listen",
        ])
        let socket = try connectWhenBound(path, type: SOCK_DGRAM)
        defer { close(socket) }
        _ = send(socket, "x", 1, 0)
        let problem = try child.line()
        #expect(problem.hasPrefix("problem=descriptor 3"))
        #expect(problem.hasSuffix("use ListenStream= with a path, and Accept=no"))
        #expect(try child.line() == "environment=false")
    }

    @Test("variables meant for another process give nothing")
    func othersVariables() throws {
        let child = try Child([helperPath(), "listen"], environment: ["LISTEN_FDS": "1", "LISTEN_PID": "1"])
        #expect(try child.line() == "environment=false")
        #expect(try child.line() == "again=0")
    }

    /// systemd-socket-activate says on standard error only, in words, that it listens: ask until it does.
    private func connectWhenBound(_ path: String, type: __socket_type = SOCK_STREAM) throws -> CInt {
        let descriptor = socket(AF_UNIX, CInt(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
        for _ in 0..<10_000_000 {
            if withAddress(path, { connect(descriptor, $0, $1) }) == 0 { return descriptor }
            sched_yield()
        }
        close(descriptor)
        throw Child.Failure(description: "nobody listens at \(path)")
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
