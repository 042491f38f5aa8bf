import Glibc
import TestSupport

/// The service manager's end of `sd_notify(3)`: a datagram socket.
final class NotifySocket {
    private let descriptor: CInt
    /// Assignments in the order they came, not yet asked for.
    private var pending: [String] = []

    init(_ path: String) throws {
        unlink(path)
        descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let bound = withUnixAddress(path) { bind(descriptor, $0, $1) }
        // A daemon of another user's tells too.
        guard descriptor >= 0, bound == 0, chmod(path, 0o777) == 0 else {
            throw TestFailure("cannot bind \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    /// Drops what came until now.
    func forget() {
        pending = []
        while receive(within: 0) { pending = [] }
    }

    /// Returns the first assignment from now on that begins with `prefix`, dropping those before.
    /// Fails at once if the sender has ended.
    @discardableResult
    func wait(for prefix: String, from process: ChildProcess, within seconds: Int = 60) throws -> String {
        var seen: [String] = []
        for _ in 0..<seconds * 10 {
            while !pending.isEmpty {
                let next = pending.removeFirst()
                if next.hasPrefix(prefix) { return next }
                seen.append(next)
            }
            if receive(within: 100) { continue }
            var info = siginfo_t()
            waitid(P_PID, id_t(process.pid), &info, WEXITED | WNOHANG | WNOWAIT)
            if info.si_signo == SIGCHLD, !receive(within: 0) {
                throw TestFailure("it ended before it said \(prefix): \(process.errorText())")
            }
        }
        throw TestFailure("no \(prefix) in \(seconds) s; seen \(seen); \(process.errorText())")
    }

    private func receive(within milliseconds: CInt) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) > 0 else { return false }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return false }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        pending += text.split(separator: "\n").map(String.init)
        return true
    }
}

/// Calls `body` with the Unix socket address of `path`, which is short in every test.
func withUnixAddress<Result>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result
{
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
