import Glibc

/// Who is at the other end of a Unix socket, as the kernel noted it at `connect()`
/// (`SO_PEERCRED`, unix(7)).
///
/// The ids are the *effective* ids of the process that called `connect()`, and stay so even when
/// that process drops or gains privileges or hands the descriptor on. The sender of a single
/// message (`SCM_CREDENTIALS`) may be another one, which is why it is never asked for.
package struct PeerCredentials: Hashable, Sendable {
    /// 0 where the peer lives in a pid namespace that we cannot see into.
    package var pid: Int32
    package var uid: UInt32
    package var gid: UInt32
    /// Supplementary groups (`SO_PEERGROUPS`, Linux 4.13); empty where the kernel does not tell.
    package var groups: [UInt32]
    /// The process behind ``pid``, to see whether it still lives; nil where the kernel does not tell.
    package var process: PeerProcess?

    package init(
        pid: Int32, uid: UInt32, gid: UInt32, groups: [UInt32] = [], process: PeerProcess? = nil
    ) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.process = process
    }

    /// Whether the peer has that group, as its primary or a supplementary one.
    package func isMember(ofGroup group: UInt32) -> Bool { gid == group || groups.contains(group) }
}

extension PeerCredentials {
    /// Asks the kernel about the peer of a connected socket.
    ///
    /// - Parameter keepsProcess: also open ``process``.
    package init(ofPeerOf socket: Int32, keepsProcess: Bool = false) throws(SystemCallError) {
        // struct ucred, which Glibc declares only under _GNU_SOURCE.
        var credentials = (pid: Int32(0), uid: UInt32(0), gid: UInt32(0))
        var length = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else {
            throw SystemCallError("getsockopt SO_PEERCRED")
        }
        self.init(
            pid: credentials.pid, uid: credentials.uid, gid: credentials.gid,
            groups: Self.supplementaryGroups(ofPeerOf: socket),
            process: keepsProcess ? PeerProcess(ofPeerOf: socket) : nil)
    }

    private static func supplementaryGroups(ofPeerOf socket: Int32) -> [UInt32] {
        // NGROUPS_MAX is 65,536 and the usual number below 32, so the second round is rare; the
        // kernel writes the length it needs when ours is too short (ERANGE).
        var count = 32
        for _ in 0..<2 {
            var groups = [UInt32](repeating: 0, count: count)
            var length = socklen_t(count * MemoryLayout<UInt32>.stride)
            let status = getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, &groups, &length)
            let needed = Int(length) / MemoryLayout<UInt32>.stride
            if status == 0 { return Array(groups.prefix(needed)) }
            guard errno == ERANGE, needed > count, needed <= 65_536 else { return [] }
            count = needed
        }
        return []
    }
}
