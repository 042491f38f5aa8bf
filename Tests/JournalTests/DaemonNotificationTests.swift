import Glibc
import Journal
import TestSupport
import Testing

@Suite("The service manager")
struct DaemonNotificationTests {
    @Test("hears readiness, status, reloading with its time, the watchdog and stopping, one message each")
    func notify() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("notify")
        let socket = try #require(bindDatagram(path))
        defer { close(socket) }
        let child = try helper(["notify"], ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"])
        #expect(try child.nextLine() == "supervised=true watchdog=30.0 seconds")
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

    @Test(
        "is not waited for where it does not read: a daemon must look and stop all the same",
        .timeLimit(.minutes(1)))
    func hungManager() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("notify")
        let socket = try #require(bindDatagram(path))
        defer { close(socket) }
        let child = try helper(["notify-much"], ["NOTIFY_SOCKET": path])
        #expect(try child.nextLine() == "told")
        #expect(receive(socket) == "STATUS=0")
    }

    @Test("is not missed where there is none")
    func unsupervised() throws {
        let child = try helper(["notify"])
        #expect(try child.nextLine() == "supervised=false watchdog=none")
    }

    @Test("that watches another process's watchdog does not have this one feed it")
    func othersWatchdog() throws {
        let child = try helper(["notify"], ["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"])
        #expect(try child.nextLine() == "supervised=false watchdog=none")
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
