package import MemoryModel
import Synchronization

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
            let bytes = (try? contents("mountinfo", limit: 4 << 20)) ?? []
            let types = bytes.withUnsafeBytes(Self.mountTypes(parsing:))
            kept = types
            return types
        }
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
