import CLinux
import Glibc
package import MemoryModel
import SystemPackage

extension ProcessDirectory {
    /// Opens the file behind an area, to read its ELF headers, or nil where it cannot be had.
    ///
    /// The name in maps is never opened in our own view of the file system: the process may
    /// have another root, and its name may lead anywhere by now. Three ways, each through
    /// `/proc/[pid]`:
    /// 1. `map_files/START-END`: the very file, deleted ones too (needs CAP_CHECKPOINT_RESTORE
    ///    or CAP_SYS_ADMIN);
    /// 2. `exe`, where that is the file (ptrace access);
    /// 3. the name, below the process's `root` (ptrace access).
    ///
    /// Whichever answered, the file counts only if it is a regular one with the area's inode.
    /// Nothing waits for the other side of a FIFO, and no device is opened. Files of FUSE
    /// are left alone, because their server may never answer. A network file system that
    /// is away can still block, so do not call this on a thread that others wait for.
    ///
    /// `path` is the area's name as maps prints it.
    package func openImage(of vma: VMA, path: [UInt8]) -> ImageFile? {
        guard vma.inode != 0, mountTypes()[vma.device]?.hasPrefix("fuse") != true else { return nil }
        let range = String(vma.start, radix: 16) + "-" + String(vma.end, radix: 16)
        for name in ["map_files/" + range, "exe"] {
            // Without O_NOFOLLOW, so that the link's file is what opens.
            if let place = try? openBelow(directory.rawValue, name, flags: CLINUX_O_PATH),
                let image = Self.image(at: place, for: vma)
            {
                return image
            }
        }
        guard let place = openInRoot(path) else { return nil }
        return Self.image(at: place, for: vma)
    }

    /// O_PATH descriptor of `path` below the process's own root.
    private func openInRoot(_ path: [UInt8]) -> OwnedDescriptor? {
        // A name may hold anything; only a rooted one without NUL can be a file's.
        guard path.first == UInt8(ascii: "/"), path.count < 4096, !path.contains(0),
            let root = try? openBelow(directory.rawValue, "root", flags: CLINUX_O_PATH | O_DIRECTORY)
        else { return nil }
        let name = Self.withoutEscapedNewlines(path).map { CChar(bitPattern: $0) } + [0]
        let raw = clinux_open_in_root(root.rawValue, name, UInt64(CLINUX_O_PATH | O_CLOEXEC))
        return raw < 0 ? nil : OwnedDescriptor(raw)
    }

    /// maps prints a newline in a name as `\012`, and a name that really holds those four
    /// characters in the same way: that one is not found, and its inode would not match.
    static func withoutEscapedNewlines(_ path: [UInt8]) -> [UInt8] {
        let escaped = Array(#"\012"#.utf8)
        guard path.contains(escaped) else { return path }
        var plain: [UInt8] = []
        var rest = path[...]
        while let byte = rest.first {
            let isNewline = rest.starts(with: escaped)
            plain.append(isNewline ? UInt8(ascii: "\n") : byte)
            rest = rest.dropFirst(isNewline ? escaped.count : 1)
        }
        return plain
    }

    private static func image(at place: borrowing OwnedDescriptor, for vma: VMA) -> ImageFile? {
        var status = Glibc.stat()
        guard fstat(place.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            UInt64(status.st_ino) == vma.inode
        else { return nil }
        let device = DeviceNumber(
            major: clinux_device_major(UInt64(status.st_dev)),
            minor: clinux_device_minor(UInt64(status.st_dev)))
        if device != vma.device {
            // maps prints the device of the file system's superblock, stat(2) on btrfs that of
            // the subvolume, and on overlayfs one of the two may be that of a layer below.
            switch Int32(truncatingIfNeeded: clinux_filesystem_magic(place.rawValue)) {
            case Int32(bitPattern: CLINUX_BTRFS_MAGIC), CLINUX_OVERLAYFS_MAGIC: break
            default: return nil
            }
        }
        // Only now, when it is known to be a plain file, is it really opened.
        guard
            let file = try? openBelow(
                AT_FDCWD, "/proc/self/fd/\(place.rawValue)", flags: O_RDONLY | O_NONBLOCK)
        else { return nil }
        return ImageFile(
            descriptor: file,
            key: ImageFile.Key(
                device: device, inode: vma.inode, modified: nanoseconds(status.st_mtim),
                changed: nanoseconds(status.st_ctim),
                sizeBytes: UInt64(clamping: status.st_size)))
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        let seconds = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        return seconds.overflow ? 0 : seconds.partialValue &+ Int64(time.tv_nsec)
    }
}
