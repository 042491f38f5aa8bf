import MemoryModel
import ProcFS
import Synchronization

/// The arrays that looks are parsed into, one for each look that is under way and not one for each process.
enum ScratchLooks {
    private static let idle = Mutex<[MapsLook]>([])
    /// As many as there are workers to look.
    private static let limit = 8

    static func take() -> MapsLook { idle.withLock { $0.popLast() } ?? MapsLook() }

    /// Takes an array back; its names must have been taken out.
    static func giveBack(_ look: consuming MapsLook) {
        look.areas.removeAll(keepingCapacity: true)
        look.translation = nil
        let isLarge = look.areas.capacity > 8_192
        idle.withLock { [look] idle in
            // One of a process with very many areas is enough: it may be megabytes.
            if isLarge, idle.contains(where: { $0.areas.capacity > 8_192 }) { return }
            if idle.count < limit { idle.append(look) }
        }
    }
}
