import Glibc

/// The number of a group, by `/etc/group` or whatever nsswitch.conf(5) names.
package enum GroupLookup {
    /// - Returns: nil if there is no group of that name.
    /// - Throws: Where the question itself failed (a directory server that is away); not the
    ///   same as no group, because the answer may be another a minute later.
    package static func groupID(named name: String) throws(GroupLookupError) -> UInt32? {
        guard !name.isEmpty, !name.utf8.contains(0) else { return nil }
        // A group of thousands of members does not fit in the size sysconf suggests; the limit
        // is there because the members' names come from outside.
        var capacity = 4_096
        while capacity <= 4 << 20 {
            var entry = group()
            var found: UnsafeMutablePointer<group>?
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: capacity)
            defer { buffer.deallocate() }
            let code = getgrnam_r(name, &entry, buffer, capacity, &found)
            switch code {
            case 0: return found == nil ? nil : entry.gr_gid
            case EINTR: continue
            case ERANGE: capacity *= 4
            // "Not found" in the words of some sources (getgrnam_r(3)).
            case ENOENT, ESRCH, EBADF, EPERM: return nil
            default: throw GroupLookupError(name: name, code: code)
            }
        }
        throw GroupLookupError(name: name, code: ERANGE)
    }
}

package struct GroupLookupError: Error, Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let code: Int32

    package var description: String {
        "cannot look up the group '\(name)': \(String(cString: strerror(code))); until it can be, only root "
            + "sees every process"
    }
}
