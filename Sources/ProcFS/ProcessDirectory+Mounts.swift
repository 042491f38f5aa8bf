import CLinux
import Glibc
package import MemoryModel
import Synchronization
import SystemPackage

/// File system types by device.
typealias MountTypes = [DeviceNumber: String]

extension ProcessDirectory {
    /// The file system type of each device mounted in the process's mount namespace
    /// (`/proc/[pid]/mountinfo`), so that `hugetlbfs` can be told from a disk.
    ///
    /// Read once and kept. Empty where not permitted. Mounts the kernel keeps for itself
    /// (memfd, System V shared memory) are not in it.
    package func mountTypes() -> [DeviceNumber: String] {
        mounts.withLock { kept in
            if let kept { return kept }
            let namespace = mountNamespace()
            let types =
                namespace.flatMap(MountTables.shared.types)
                ?? MountTables.shared.keep(readMountTypes(), of: namespace)
            kept = types
            return types
        }
    }

    private func readMountTypes() -> MountTypes {
        let bytes = (try? contents("mountinfo", limit: 4 << 20)) ?? []
        return bytes.withUnsafeBytes(Self.mountTypes(parsing:))
    }

    /// The inode number of `/proc/[pid]/ns/mnt` (Linux 3.8); nil without ptrace access.
    private func mountNamespace() -> UInt64? {
        var status = Glibc.stat()
        guard fstatat(directory.rawValue, "ns/mnt", &status, 0) == 0 else { return nil }
        return UInt64(status.st_ino)
    }

    /// Reads `36 35 98:0 /root /mount rw - ext3 /dev/sda1 rw` lines; others it goes over. Pure, for tests.
    static func mountTypes(parsing bytes: UnsafeRawBufferPointer) -> MountTypes {
        var types: MountTypes = [:]
        var lines = ByteCursor(bytes)
        while let line = lines.line() {
            var cursor = ByteCursor(line)
            _ = cursor.word()
            _ = cursor.word()
            cursor.skipBlanks()
            guard let major = cursor.decimal(), cursor.skip(UInt8(ascii: ":")), let minor = cursor.decimal()
            else { continue }
            // Any number of optional fields, then "-". Spaces in names are escaped.
            while let word = cursor.word(), !word.equals("-") {}
            guard let type = cursor.word() else { continue }
            let device = DeviceNumber(
                major: UInt32(truncatingIfNeeded: major), minor: UInt32(truncatingIfNeeded: minor))
            types[device] = String(decoding: type, as: UTF8.self)
        }
        return types
    }
}

/// The mount tables that were read just now, by namespace: most processes of a machine share one, and a table
/// takes 40 µs to read, as long as a hundred areas.
///
/// For one second only: mounts change, and the number of a namespace that is gone may become another's.
private final class MountTables: Sendable {
    static let shared = MountTables()

    private static let lifetime: Int64 = 1_000_000
    /// So many namespaces at once; beyond it is started over.
    private static let limit = 64

    private let tables = Mutex<[UInt64: (types: MountTypes, read: MonotonicTime)]>([:])

    func types(of namespace: UInt64) -> MountTypes? {
        tables.withLock { tables in
            guard let table = tables[namespace],
                MonotonicTime.now < table.read.advanced(byMicroseconds: Self.lifetime)
            else { return nil }
            return table.types
        }
    }

    func keep(_ types: MountTypes, of namespace: UInt64?) -> MountTypes {
        guard let namespace, !types.isEmpty else { return types }
        return tables.withLock { tables in
            if tables.count >= Self.limit { tables.removeAll() }
            // Many processes have the very same table: then they share one copy of it.
            if let known = tables[namespace], known.types == types {
                tables[namespace] = (known.types, .now)
                return known.types
            }
            tables[namespace] = (types, .now)
            return types
        }
    }
}
