import Classification
import MemoryModel
import Synchronization

/// What quiet processes have alike, kept once for all of them.
///
/// The workers of a service run one program with the same libraries, and so the names in their maps and the layouts
/// of their images are equal: 3.6 KB for a process of 200 areas, more than its packed map has. They are found
/// by comparing them whole, when a map is put to rest, with those of the maps that were put to rest last; where
/// they are equal both have one copy. As arrays are copied when they are written to, nobody can see that, and what
/// one process maps later is no change for another: nothing here can be out of date.
enum RestShare {
    struct Common: Sendable {
        var paths: PathTable
        var images: KnownImages

        fileprivate func equals(_ other: Common) -> Bool {
            paths.isEqual(to: other.paths) && images.isEqual(to: other.images)
        }
    }

    /// So many different programs are at rest at once on most machines; the list keeps that many alive.
    static let limit = 32
    /// Names of a process that maps whatever comes along are nobody else's, and would be kept after its end.
    static let largestNames = 16_384

    /// Most recently found last.
    private static let recent = Mutex<[Common]>([])

    /// What equals `own`, from another process; else `own`, for those that follow.
    static func shared(_ own: Common) -> Common {
        guard own.paths.byteCount <= largestNames else { return own }
        return recent.withLock { recent in
            if let index = recent.lastIndex(where: { $0.equals(own) }) {
                let found = recent.remove(at: index)
                recent.append(found)
                return found
            }
            if recent.count >= limit { recent.removeFirst() }
            recent.append(own)
            return own
        }
    }
}
