import Glibc

extension VarlinkClient {
    /// Who may own the socket a client connects to.
    package enum OwnerRequirement: Hashable, Sendable {
        case rootOrSelf
        /// These uids, root and one's own.
        case rootSelfOr(Set<UInt32>)
        /// The user of this name, if there is one, root and one's own: a service under a user of its own, whose
        /// socket systemd made as root, and on which the service itself may have called listen(2) once more.
        case rootSelfOrUser(String)
        case anyone

        func allows(_ uid: UInt32) -> Bool {
            if self == .anyone || uid == 0 || uid == geteuid() { return true }
            switch self {
            case .anyone, .rootOrSelf: return false
            case .rootSelfOr(let others): return others.contains(uid)
            // Last of all: whoever is looked up may be asked for in a directory far away.
            case .rootSelfOrUser(let name): return Self.uid(of: name) == uid
            }
        }

        private static func uid(of name: String) -> uid_t? {
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 << 10) { room in
                guard let start = room.baseAddress,
                    getpwnam_r(name, &entry, start, room.count, &found) == 0, found != nil
                else { return nil }
                return entry.pw_uid
            }
        }

        /// The first link on the way to `path` that was made by somebody else than these, and who that was.
        ///
        /// In a directory that others can write to, /tmp above all, anybody may put a link with a good name to a
        /// socket of root's that is another service's. Root's own setting against that
        /// (`fs.protected_symlinks`, Linux 3.6) can be off, and holds in sticky directories only.
        func strangersLink(on path: String) -> (path: String, uid: UInt32)? {
            if self == .anyone { return nil }
            var end = path.startIndex
            while end < path.endIndex {
                end = path[end...].dropFirst().firstIndex(of: "/") ?? path.endIndex
                let prefix = String(path[..<end])
                guard let status = UnixSocket.status(of: prefix, followingLinks: false) else { break }
                if status.st_mode & S_IFMT == S_IFLNK, !allows(status.st_uid) {
                    return (prefix, status.st_uid)
                }
            }
            return nil
        }
    }
}
