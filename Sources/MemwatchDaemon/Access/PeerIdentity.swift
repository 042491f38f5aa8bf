/// Who is at the other end of a connection, by SO_PEERCRED and SO_PEERGROUPS: what the
/// client was when it called connect(2), whatever it became since.
package struct PeerIdentity: Hashable, Sendable {
    /// Effective uid.
    package var uid: UInt32
    /// Effective gid.
    package var gid: UInt32
    /// Supplementary groups (SO_PEERGROUPS, Linux 4.13). Leave empty where they cannot be read.
    package var groups: [UInt32]
    /// ``UserNamespace/isShared(pid:procRoot:)`` of the client's process. A client in a namespace of
    /// its own (a sandbox, a rootless container) shows its user's ids here, and the kernel
    /// lets it read no process outside.
    package var sharesUserNamespace: Bool

    package init(uid: UInt32, gid: UInt32, groups: [UInt32], sharesUserNamespace: Bool) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.sharesUserNamespace = sharesUserNamespace
    }
}
