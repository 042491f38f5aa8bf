import Glibc

/// The process that called `connect()`, held by a pidfd (`SO_PEERPIDFD`, Linux 6.5).
///
/// A pid is another process's as soon as the first has ended, while its connection lives on in whoever inherited it.
package final class PeerProcess: Sendable {
    /// -1: it had ended when it was asked for.
    private let descriptor: Int32

    /// nil where the kernel has no such option.
    init?(ofPeerOf socket: Int32) {
        var pidfd: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        if getsockopt(socket, SOL_SOCKET, Self.option, &pidfd, &length) == 0, pidfd >= 0 {
            descriptor = pidfd
            return
        }
        // Of a peer that has been reaped the pidfd is not to be had: ESRCH, and EINVAL on some kernels.
        guard errno == ESRCH || errno == EINVAL else { return nil }
        descriptor = -1
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether it still runs, so that its pid is still its own. A pidfd is readable once its process has ended.
    package var isAlive: Bool {
        guard descriptor >= 0 else { return false }
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 0
    }

    /// SO_PEERPIDFD, which headers before glibc 2.39 lack.
    private static let option: Int32 = 77
}

extension PeerProcess: Hashable {
    package static func == (a: PeerProcess, b: PeerProcess) -> Bool { a === b }

    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
