import Glibc
package import MemoryModel
import SystemPackage

/// An ELF file (or what claims to be one) that a process has mapped, open for reading its headers.
package final class ImageFile: Sendable {
    /// Tells whether two areas show the same contents of the same file.
    package struct Key: Hashable, Sendable {
        /// As fstat(2) gives it, which on btrfs and overlayfs is not what maps prints.
        package var device: DeviceNumber
        package var inode: UInt64
        /// Last modification of the contents, and of anything about the file, nanoseconds after 1970. The second
        /// cannot be set back by whoever replaces it.
        package var modified: Int64
        package var changed: Int64
        package var sizeBytes: UInt64
    }

    package let key: Key
    let descriptor: OwnedDescriptor

    init(descriptor: consuming OwnedDescriptor, key: Key) {
        self.descriptor = descriptor
        self.key = key
    }

    /// The most that one ``read(offset:count:)`` gives.
    package static var maximumReadBytes: Int { 4 << 20 }

    /// Up to `count` bytes from `offset`; fewer at the end of the file, none behind it, on an
    /// error, or for a negative count. At most ``maximumReadBytes``.
    package func read(offset: UInt64, count: Int) -> [UInt8] {
        guard count > 0, offset < key.sizeBytes, let start = off_t(exactly: offset) else { return [] }
        let wanted = min(count, Self.maximumReadBytes, Int(clamping: key.sizeBytes - offset))
        let raw = descriptor.rawValue
        return [UInt8](unsafeUninitializedCapacity: wanted) { buffer, filled in
            while filled < wanted {
                let done = filled
                let received = try? retryingOnInterrupt {
                    pread(raw, buffer.baseAddress.map { $0 + done }, wanted - done, start + off_t(done))
                }
                guard let received, received > 0 else { break }
                filled += received
            }
        }
    }
}
