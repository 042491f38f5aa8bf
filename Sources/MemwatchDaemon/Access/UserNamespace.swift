import Glibc

/// Whether a process lives in the daemon's own user namespace.
///
/// The kernel compares namespaces before it compares ids: a process of uid 1000 inside
/// `unshare -U` may read nothing outside it, its user's own processes included, and the other
/// way round only the namespace's maker may look in. The link `/proc/[pid]/ns/user` that names
/// the namespace needs ptrace access; `/proc/[pid]/uid_map` (user_namespaces(7), Linux 3.5) is
/// there for everybody and differs between any two that matter: only root can give a
/// namespace the same map as its parent's.
package enum UserNamespace {
    /// - Parameter processDirectory: An open `/proc/[pid]`.
    /// - Returns: false also where it cannot be told.
    package static func isShared(processDirectory: Int32) -> Bool {
        isOwn(read(at: processDirectory, "uid_map"))
    }

    /// For the other end of a connection, by the pid of SO_PEERCRED.
    ///
    /// That pid may be another's by now: see after asking that the process still lives
    /// (``AccessGate/identity(of:)``).
    package static func isShared(pid: Int32, procRoot: String = "/proc") -> Bool {
        guard pid > 0 else { return false }
        return isOwn(read(at: AT_FDCWD, "\(procRoot)/\(pid)/uid_map"))
    }

    private enum Map: Equatable {
        case text([UInt8])
        case missing
        case unknown
    }

    /// A process never moves to another namespace once it has threads, and the daemon has.
    private static let own = read(at: AT_FDCWD, "/proc/self/uid_map")

    private static func isOwn(_ map: Map) -> Bool {
        switch (map, own) {
        case (.text(let theirs), .text(let ours)): theirs == ours
        // A kernel without user namespaces has no such file, for anybody.
        case (.missing, .missing): true
        default: false
        }
    }

    /// At most 340 lines of 33 bytes.
    private static let largestBytes = 16 << 10

    private static func read(at directory: Int32, _ path: String) -> Map {
        let descriptor = openat(directory, path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno == ENOENT ? .missing : .unknown }
        defer { close(descriptor) }
        var text: [UInt8] = []
        while text.count <= largestBytes {
            var failure: Int32 = 0
            let chunk = [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
                let got = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                failure = got < 0 ? errno : 0
                count = max(got, 0)
            }
            if failure == EINTR { continue }
            guard failure == 0 else { return .unknown }
            if chunk.isEmpty { return .text(text) }
            text += chunk
        }
        return .unknown
    }
}
