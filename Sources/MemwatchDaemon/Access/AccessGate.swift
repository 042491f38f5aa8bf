package import ProcFS
package import Varlink

/// Puts the access rule to work: reads what it needs of a process, before and after an answer.
package struct AccessGate: Sendable {
    package let rule: AccessRule
    private let root: ProcRoot

    package init(rule: AccessRule, root: ProcRoot = ProcRoot()) {
        self.rule = rule
        self.root = root
    }

    /// Who is asking. Costs a read of `/proc/[pid]/uid_map` of the client.
    package func identity(of peer: PeerCredentials) -> PeerIdentity {
        PeerIdentity(
            uid: peer.uid, gid: peer.gid, groups: peer.groups,
            sharesUserNamespace: UserNamespace.isShared(pid: peer.pid, procRoot: root.path))
    }

    /// Whether `peer` may be told of the process behind `directory` now. Ask before reading and again
    /// after it: between the two the process may have executed a set-user-id program.
    package func mayRead(_ peer: PeerIdentity, _ directory: ProcessDirectory) -> Bool {
        if rule.maySeeAll(peer) { return true }
        return rule.mayRead(peer, target: credentials(of: directory))
    }

    /// Nil where they cannot be read, which allows nobody but those who may see all.
    package func credentials(of directory: ProcessDirectory) -> TargetCredentials? {
        guard let status = try? directory.status(), let found = directory.credentials(status) else {
            return nil
        }
        return TargetCredentials(
            found, sharesUserNamespace: UserNamespace.isShared(pid: directory.pid, procRoot: root.path))
    }
}

extension TargetCredentials {
    package init(_ found: ProcessCredentials, sharesUserNamespace: Bool) {
        self.init(
            uid: IDs(found.uids), gid: IDs(found.gids), mapsOwner: found.mapsOwner,
            permittedCapabilities: found.permittedCapabilities, sharesUserNamespace: sharesUserNamespace)
    }
}

extension TargetCredentials.IDs {
    fileprivate init(_ ids: CredentialIDs) {
        self.init(real: ids.real, effective: ids.effective, saved: ids.saved)
    }
}
