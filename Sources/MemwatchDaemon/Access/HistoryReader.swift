/// Who besides root and the group may read what was recorded of a process.
///
/// A process's credentials change while it lives, and are gone with it. So each look's
/// verdict is kept with the process and only ever made stricter: what its user could not
/// read for one moment of its life, that user is not told afterwards.
package enum HistoryReader: Hashable, Sendable {
    /// The user, and with that group, whose own process it was at every look.
    case owner(uid: UInt32, gid: UInt32)
    /// Nobody but root and the group.
    case nobody

    /// - Parameter credentials: nil where they could not be read: nobody.
    package init(_ credentials: TargetCredentials?) {
        guard let credentials, let uid = credentials.uid.single, let gid = credentials.gid.single,
            credentials.mapsOwner == uid, credentials.permittedCapabilities == 0,
            credentials.sharesUserNamespace
        else {
            self = .nobody
            return
        }
        self = .owner(uid: uid, gid: gid)
    }

    /// From what was stored: both ids, or nil for nobody.
    package init(uid: UInt32?, gid: UInt32?) {
        if let uid, let gid { self = .owner(uid: uid, gid: gid) } else { self = .nobody }
    }

    /// For storing; nil when it is nobody.
    package var uid: UInt32? { if case .owner(let uid, _) = self { uid } else { nil } }
    package var gid: UInt32? { if case .owner(_, let gid) = self { gid } else { nil } }

    /// Those whom both allow. A process that changed its user has none.
    package func tightened(by other: HistoryReader) -> HistoryReader { self == other ? self : .nobody }
}
