import KernelEvents
import MemoryModel

struct FileKey: Hashable, Sendable {
    var device: UInt32
    var inode: UInt64

    init(_ device: DeviceNumber, _ inode: UInt64) {
        self.device = device.rawValue
        self.inode = inode
    }
}

/// Which file of maps a file of a record is.
///
/// On overlayfs (every container) a record names the file of the layer that really holds the bytes, maps the
/// one of the overlay: device and path differ, and the inode may. Which they are is learned where both show
/// the same file at the same place.
struct FileIdentities: Sendable {
    struct Identity: Sendable {
        var device: DeviceNumber
        var inode: UInt64
        var path: PathID
    }

    private var aliases: [FileKey: Identity] = [:]
    /// The shadow map holds files under names that only records gave.
    private var hasUnresolved = false

    static let limit = 4096

    /// The file as maps shows it, as far as that is known.
    mutating func identity(
        of area: RecordedArea, in round: LedgerRound, _ map: AddressList<Region>,
        _ paths: PathTable
    ) -> Identity {
        let own = Identity(device: area.device, inode: area.inode, path: area.path)
        let key = FileKey(area.device, area.inode)
        var index = round.look.firstIndex(endingAbove: area.start)
        while index < round.look.count, round.look[index].start < area.end {
            let region = round.look[index]
            if area.isSameFile(as: region, paths) { return learn(key, region) }
            index &+= 1
        }
        index = map.firstIndex(endingAbove: area.start)
        while index < map.count, map[index].start < area.end {
            let region = map[index]
            if area.isSameFile(as: region, paths) { return learn(key, region) }
            index &+= 1
        }
        if let alias = aliases[key] { return alias }
        hasUnresolved = true
        return own
    }

    private mutating func learn(_ key: FileKey, _ region: Region) -> Identity {
        let identity = Identity(device: region.device, inode: region.inode, path: region.path)
        if key != FileKey(region.device, region.inode) {
            if aliases.count >= Self.limit { aliases.removeAll() }
            aliases[key] = identity
        }
        return identity
    }

    /// Gives files of the shadow map the identity they have in a look, so that the comparison does not take
    /// them for others.
    mutating func resolve(_ map: inout AddressList<Region>, by look: [Region], _ paths: PathTable) {
        guard hasUnresolved else { return }
        hasUnresolved = false
        map.replaceAll { known in
            guard known.inode != 0 else { return }
            var index = look.firstIndex(endingAbove: known.start)
            while index < look.count, look[index].start < known.end {
                let shown = look[index]
                if RecordedArea(known).isSameFile(as: shown, paths) {
                    known.device = shown.device
                    known.inode = shown.inode
                    known.path = shown.path
                    return
                }
                index &+= 1
            }
        }
    }

    mutating func translatePaths(_ translate: (PathID) -> PathID) {
        for key in aliases.keys {
            guard var identity = aliases[key] else { continue }
            identity.path = translate(identity.path)
            aliases[key] = identity
        }
    }
}

extension Region: AddressRange {}
