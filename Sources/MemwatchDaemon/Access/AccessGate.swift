import Glibc
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
    ///
    /// Where the process that connected has ended, its pid may be another's, and nobody can say in which namespace
    /// the one is that uses its connection now. (Kernels before 6.5 do not tell that it has ended.)
    package func identity(of peer: PeerCredentials) -> PeerIdentity {
        let shares = UserNamespace.isShared(pid: peer.pid, procRoot: root.path)
        return PeerIdentity(
            uid: peer.uid, gid: peer.gid, groups: peer.groups,
            // After the reading: as long as it lives, the pid was its own.
            sharesUserNamespace: shares && peer.process?.isAlive != false)
    }

    /// Whether this client makes rules and decides about everybody's targets: who may see all; and, in a
    /// user's own daemon, that user, for it can look at nothing that the user could not.
    package func isAdministrator(_ peer: PeerIdentity) -> Bool {
        if rule.maySeeAll(peer) { return true }
        if Privileges.seesOtherUsers { return false }
        return peer.uid == geteuid() && peer.sharesUserNamespace && peer.uid != AccessRule.overflowID
    }

    /// Whether `peer` may be told of the process behind `directory` now. Ask before reading and again
    /// after it: between the two the process may have executed a set-user-id program.
    package func mayRead(_ peer: PeerIdentity, _ directory: ProcessDirectory) -> Bool {
        if rule.maySeeAll(peer) { return true }
        return rule.mayRead(peer, target: credentials(of: directory))
    }

    /// Reads something of a process for `peer`, if that may read it: before, as it was read, and after.
    ///
    /// - Parameter body: gives what was read, and who the process was by then. In a reading that takes long a process
    ///   may become another's and its user's again; the map that was read says whose it was.
    /// - Returns: nil where `peer` may not.
    package func read<Value>(
        _ directory: ProcessDirectory, for peer: PeerIdentity,
        _ body: () async throws -> (value: Value, credentials: ProcessCredentials?)
    ) async throws -> Value? {
        guard mayRead(peer, directory) else { return nil }
        let (value, found) = try await body()
        if rule.maySeeAll(peer) { return value }
        let credentials = found.map {
            TargetCredentials(
                $0, sharesUserNamespace: UserNamespace.isShared(pid: directory.pid, procRoot: root.path))
        }
        guard rule.mayRead(peer, target: credentials), mayRead(peer, directory) else { return nil }
        return value
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
