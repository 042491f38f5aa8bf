import Glibc
import SystemPackage

/// Tells when files whose headers are known have changed, so that the headers need not be read again (inotify(7)).
///
/// To hold the files open would tell, too, that their inode numbers still mean them; but it would keep a deleted
/// file's blocks, and a container's file system from being unmounted when its processes are gone. A watch does
/// neither: with the file's last link, and with its file system, it ends, and says so. What it does not see is a
/// change that another machine makes in a network file system.
package final class ImageWatch: Sendable {
    /// One watched file.
    package struct Mark: Hashable, Sendable {
        fileprivate let rawValue: Int32
    }

    package enum Changes: Sendable {
        case marks([Mark])
        /// More than the kernel queues (16,384): any file may have changed.
        case any
    }

    private let queue: OwnedDescriptor

    /// nil where the user has no inotify instance left (`fs.inotify.max_user_instances`, 128).
    package init?() {
        let raw = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard raw >= 0 else { return nil }
        queue = OwnedDescriptor(raw)
    }

    /// Watches a file from now on; nil where that is not possible (`fs.inotify.max_user_watches`). The same file
    /// again gives the same mark.
    package func add(_ file: ImageFile) -> Mark? {
        let mask = IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF
        let raw = inotify_add_watch(
            queue.rawValue, "/proc/self/fd/\(file.descriptor.rawValue)", UInt32(mask))
        return raw < 0 ? nil : Mark(rawValue: raw)
    }

    package func remove(_ mark: Mark) { inotify_rm_watch(queue.rawValue, mark.rawValue) }

    /// The files that have changed, lost a link, or are no more, since the last call. 0.3 µs where none has.
    package func takeChanges() -> Changes {
        var marks: Set<Mark> = []
        var buffer = InlineArray<4096, UInt8>(repeating: 0)
        while true {
            var span = buffer.mutableSpan
            let isLast = span.withUnsafeMutableBytes { bytes -> Bool? in
                let raw = queue.rawValue
                guard let count = try? retryingOnInterrupt({ read(raw, bytes.baseAddress, bytes.count) }),
                    count > 0
                else { return true }
                var offset = 0
                while offset + MemoryLayout<inotify_event>.size <= count {
                    let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                    if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { return nil }
                    marks.insert(Mark(rawValue: event.wd))
                    offset += MemoryLayout<inotify_event>.size + Int(event.len)
                }
                return false
            }
            guard let isLast else { return .any }
            if isLast { return .marks(Array(marks)) }
        }
    }
}
