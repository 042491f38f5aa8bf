/// What decides who may read a process, as it was at one moment.
package struct ProcessCredentials: Hashable, Sendable {
    package var uids: CredentialIDs
    package var gids: CredentialIDs
    /// The line `CapPrm:` of `/proc/[pid]/status`.
    package var permittedCapabilities: UInt64
    /// Owner of `/proc/[pid]/maps`: root where the process is not dumpable.
    package var mapsOwner: UInt32
}

extension ProcessDirectory {
    /// The credentials, with what `status` says of them; nil where a part cannot be read.
    package func credentials(_ status: ProcessStatus) -> ProcessCredentials? {
        ProcessCredentials(status, mapsOwner: mapsOwner()?.uid)
    }
}

extension ProcessCredentials {
    /// - Parameter mapsOwner: see ``MapsLook/ownerUID``.
    package init?(_ status: ProcessStatus, mapsOwner: UInt32?) {
        guard let uids = status.uids, let gids = status.gids,
            let capabilities = status.permittedCapabilities, let mapsOwner
        else { return nil }
        self.uids = uids
        self.gids = gids
        permittedCapabilities = capabilities
        self.mapsOwner = mapsOwner
    }
}
