package import MemoryModel

/// Which file a mapping maps. A name would not do: libraries are replaced while they run, and
/// one name then stands for two files.
package struct ImageKey: Hashable, Sendable {
    package var device: DeviceNumber
    package var inode: UInt64

    package init(device: DeviceNumber, inode: UInt64) {
        self.device = device
        self.inode = inode
    }

    // By hand: the synthesized one asks the number's own conformance, in another module.
    package static func == (a: ImageKey, b: ImageKey) -> Bool {
        a.inode == b.inode && a.device.rawValue == b.device.rawValue
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(inode &+ UInt64(device.rawValue) << 32)
    }

    package init(_ area: VMA) { self.init(device: area.device, inode: area.inode) }
}

/// What the beginning of a file that is mapped executable says.
package enum ImageLayout: Hashable, Sendable {
    /// A program or a shared library: its segments decide text, data and bss.
    case elf(ELFImage)
    /// Something else that happens to be mapped executable: a file mapped as data.
    case notELF
    /// Not permitted, or deleted and out of reach. Neighbourhood decides instead.
    case unreadable
}
