/// Who may see what: a client sees of a process what it could itself read in `/proc`.
///
/// The kernel's own test (ptrace_may_access with PTRACE_MODE_READ) cannot be asked for
/// somebody else, so that this rule stands in for it. It was measured against the kernel on
/// processes of the own and of other users, of set-user-id programs, without dumpable, with a
/// capability, in user namespaces: it never allowed what the kernel denied. Where the two
/// differ it is the stricter: a user's rootless containers and sandboxes are not told of.
///
/// What it reads is a report by the target's kernel entries, never anything the target chose.
package struct AccessRule: Hashable, Sendable {
    /// Members of this group see every process, as root does; nil: only root does.
    package let groupID: UInt32?

    /// Who runs the daemon, where that can look at nothing that this user could not; nil for one that can.
    ///
    /// This user may read all of its history. Of a process that ended right after it executed another program nobody knows
    /// any more whose that was, and a privileged daemon then tells nobody; this one has recorded nothing that perf(1), run
    /// by the same user, would not have.
    package let ownUID: UInt32?

    package init(groupID: UInt32?, ownUID: UInt32? = nil) {
        self.groupID = groupID == Self.overflowID ? nil : groupID
        self.ownUID = ownUID == Self.overflowID ? nil : ownUID
    }

    /// What the kernel shows in place of an id that has no number in the reader's user namespace
    /// (`/proc/sys/kernel/overflowuid`): it is nobody in particular, and may be anybody.
    package static let overflowID: UInt32 = 65_534

    /// -1 as an unsigned number: "no change" to the kernel's calls, and no id of anybody.
    private static let invalidID: UInt32 = .max

    /// Whether this client sees every process: root, and the members of the group.
    package func maySeeAll(_ peer: PeerIdentity) -> Bool {
        guard isSomebody(peer.uid) else { return false }
        if peer.uid == 0 { return true }
        guard let groupID else { return false }
        return peer.gid == groupID || peer.groups.contains(groupID)
    }

    /// Whether this client may be told what `/proc/[pid]/maps` of the target says.
    ///
    /// - Parameter target: nil where the credentials could not be read, which allows nobody
    ///   but those who may see all.
    package func mayRead(_ peer: PeerIdentity, target: TargetCredentials?) -> Bool {
        if maySeeAll(peer) { return true }
        guard let target else { return false }
        return isOwner(peer, of: HistoryReader(target))
    }

    /// The same, for a connection's ids as they come.
    package func mayRead(
        peer uid: UInt32, gid: UInt32, groups: [UInt32], sharesUserNamespace: Bool,
        target: TargetCredentials?
    ) -> Bool {
        let peer = PeerIdentity(uid: uid, gid: gid, groups: groups, sharesUserNamespace: sharesUserNamespace)
        return mayRead(peer, target: target)
    }

    /// Whether this client may be told what is kept of a process that may be gone by now.
    package func mayReadHistory(_ peer: PeerIdentity, of reader: HistoryReader) -> Bool {
        maySeeAll(peer) || isOwner(peer, of: reader)
            || (peer.uid == ownUID && peer.sharesUserNamespace && isSomebody(peer.uid))
    }

    private func isOwner(_ peer: PeerIdentity, of reader: HistoryReader) -> Bool {
        isSomebody(peer.uid) && peer.sharesUserNamespace
            && reader == .owner(uid: peer.uid, gid: peer.gid)
    }

    private func isSomebody(_ uid: UInt32) -> Bool { uid != Self.overflowID && uid != Self.invalidID }
}
