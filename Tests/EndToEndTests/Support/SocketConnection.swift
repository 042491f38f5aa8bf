import Glibc
import TestSupport

/// A client that knows only the socket.
final class SocketConnection {
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
