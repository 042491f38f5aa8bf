import Glibc
import Synchronization
import TestSupport
import Varlink

/// A client that behaves, and notes how long it waits for each answer.
///
/// Between any two calls it wakes a thread that does nothing but wake it in turn, and notes that too: what these
/// wait for is the machine's doing at that time, and none of the daemon's.
final class Asker: Sendable {
    struct Figures: Sendable {
        var calls = Waits()
        var wakeUps = Waits()
    }

    private let path: String
    private let figures = Mutex(Figures())
    private let echo: Echo

    init(_ path: String) throws {
        self.path = path
        echo = try Echo()
    }

    /// So many calls, every sixteenth on a connection of its own, which waits for `accept` too.
    func ask(_ calls: Int) throws {
        var connection: SocketConnection?
        for number in 0..<calls {
            let began = monotonicMicroseconds()
            if connection == nil || number % 16 == 0 { connection = try SocketConnection(path) }
            let request = number % 2 == 0 ? Self.status : Self.info
            guard let connection, connection.send(request) == request.count, let reply = connection.frame()
            else { throw TestFailure("it was not answered") }
            let answered = monotonicMicroseconds()
            guard try JSON(parsing: reply)["error"] == nil else { throw TestFailure("it was refused") }
            let wakeUp = monotonicMicroseconds()
            try echo.wake()
            let awake = monotonicMicroseconds()
            figures.withLock {
                $0.calls.note(answered - began)
                $0.wakeUps.note(awake - wakeUp)
            }
        }
    }

    /// What was noted since the last time.
    func takeFigures() -> Figures {
        figures.withLock { figures in
            defer { figures = Figures() }
            return figures
        }
    }

    private static let status = Array(#"{"method":"org.memwatch.Monitor.Status"}"#.utf8) + [0]
    private static let info = Array(#"{"method":"org.varlink.service.GetInfo"}"#.utf8) + [0]
}

/// How long something waited, in microseconds.
struct Waits: Sendable {
    private var all: [Int64] = []

    mutating func note(_ microseconds: Int64) { all.append(microseconds) }

    var count: Int { all.count }
    var longest: Int64 { all.max() ?? 0 }
    /// What half of them did not exceed.
    var usual: Int64 { all.isEmpty ? 0 : all.sorted()[all.count / 2] }

    /// `0.2 ms, 99 % up to 1.5, at most 7.3`
    var summary: String {
        let sorted = all.sorted()
        guard !sorted.isEmpty else { return "not once" }
        func text(_ value: Int64) -> String { "\(Double(value / 100) / 10)" }
        return "\(text(sorted[sorted.count / 2])) ms, 99 % up to \(text(sorted[sorted.count * 99 / 100])), "
            + "at most \(text(sorted[sorted.count - 1]))"
    }
}

/// A thread that answers each byte with the same.
private final class Echo: Sendable {
    private let near: Int32

    init() throws {
        var pair: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw TestFailure("socketpair: errno \(errno)")
        }
        near = pair[0]
        let far = pair[1]
        Task {
            try await offPool {
                var byte: UInt8 = 0
                while read(far, &byte, 1) == 1, write(far, &byte, 1) == 1 {}
                close(far)
            }
        }
    }

    deinit { close(near) }

    /// Returns when it has answered.
    func wake() throws {
        var byte: UInt8 = 1
        guard write(near, &byte, 1) == 1, read(near, &byte, 1) == 1 else {
            throw TestFailure("the other thread does not answer: errno \(errno)")
        }
    }
}

private func monotonicMicroseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
}
