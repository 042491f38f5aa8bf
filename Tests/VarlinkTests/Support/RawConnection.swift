import Glibc

@testable import Varlink
@testable import VarlinkServing

/// A client without manners: sends any bytes at any time. Its calls block, so use ``onThread(_:)``.
final class RawConnection: @unchecked Sendable {
    // `@unchecked Sendable`: each test uses one from one place at a time.
    private var descriptor: Int32
    private var received: [UInt8] = []

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw TestFailure("socket: errno \(errno)") }
        let status = UnixSocket.connect(descriptor, to: path)
        guard status == 0 else {
            close()
            throw TestFailure("connect: errno \(status)")
        }
        // Not a measure of anything: a test that would hang for ever fails instead.
        var patience = timeval(tv_sec: 300, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close() }

    func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }

    func endInput() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// False where the server has closed.
    @discardableResult
    func send(_ bytes: some Collection<UInt8>) -> Bool {
        let bytes = Array(bytes)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Sends a frame: the text and a NUL.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8) + [0]) }

    /// Sends one byte out of band, as Unix sockets can since Linux 5.15.
    func sendUrgent(_ byte: UInt8) -> Bool {
        withUnsafeBytes(of: byte) {
            Glibc.send(descriptor, $0.baseAddress, 1, Int32(MSG_OOB | MSG_NOSIGNAL)) == 1
        }
    }

    /// The next frame; nil when the server has closed.
    func frame() throws -> String? {
        var searched = 0
        while true {
            if let nul = received[searched...].withUnsafeBytes({ $0.firstIndex(of: 0) }) {
                defer { received.removeSubrange(...(searched + nul)) }
                return String(decoding: received[..<(searched + nul)], as: UTF8.self)
            }
            searched = received.count
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count > 0 {
                received += chunk[..<count]
            } else if count == 0 || errno == ECONNRESET {
                // Unix sockets reset where the server closes without reading all we sent.
                return nil
            } else {
                throw TestFailure("recv: errno \(errno)")
            }
        }
    }

    /// All frames until the server closes.
    func framesUntilClosed() throws -> [String] {
        var frames: [String] = []
        while let frame = try frame() { frames.append(frame) }
        return frames
    }
}
