package import MemoryModel

/// A map of a process that does not change, in some 8 bytes a region instead of 48.
///
/// A thousand quiet processes have a few hundred thousand regions, which are needed again only when something
/// changes or somebody asks. Each is written as what differs from the one before: most begin where that ends, are
/// some pages long, and go on in the same file.
package struct PackedMap: Sendable {
    private struct File: Hashable, Sendable {
        var inode: UInt64
        var device: DeviceNumber
        var path: PathID

        static let none = File(inode: 0, device: .none, path: .none)
    }

    private var bytes: [UInt8]
    package let count: Int

    // The first byte's flags, beside five bits of kind; the second has the permissions' four and one flag.
    private static let touches: UInt8 = 1 << 5
    private static let goesOn: UInt8 = 1 << 6
    private static let isInBytes: UInt8 = 1 << 7
    private static let hasThread: UInt8 = 1 << 7

    /// Lengths and distances are counted in pages where all three are whole ones: always, of a live map.
    private static let pageBits: UInt64 = 12

    package init(_ regions: [Region]) {
        var writer = Writer()
        // Files are numbered as they come; 0 is none: plain anonymous memory.
        var numbers: [File: UInt64] = [:]
        var device = DeviceNumber.none
        var end: UInt64 = 0
        var last: (file: UInt64, offset: UInt64) = (0, 0)
        for region in regions {
            let file = File(inode: region.inode, device: region.device, path: region.path)
            var number: UInt64 = 0
            var isNew = false
            if file != .none || region.offset != 0 {
                number = numbers[file] ?? UInt64(numbers.count + 1)
                isNew = number > numbers.count
                if isNew { numbers[file] = number }
            }
            let gap = region.start &- end
            let isInPages = (gap | region.size | region.offset) & (1 << Self.pageBits - 1) == 0
            let unit = isInPages ? Self.pageBits : 0
            let goesOn = last.file == number && (number == 0 || last.offset == region.offset)
            writer.put(
                region.kind.rawValue | (gap == 0 ? Self.touches : 0) | (goesOn ? Self.goesOn : 0)
                    | (isInPages ? 0 : Self.isInBytes))
            writer.put(region.permissions.rawValue & 0x7f | (region.tid == 0 ? 0 : Self.hasThread))
            if gap != 0 { writer.put(number: gap >> unit) }
            writer.put(number: region.size >> unit)
            if !goesOn {
                writer.put(number: number)
                if isNew {
                    writer.put(number: file.inode)
                    writer.put(number: UInt64(file.path.rawValue) << 1 | (file.device == device ? 0 : 1))
                    if file.device != device { writer.put(number: UInt64(file.device.rawValue)) }
                    device = file.device
                }
                if number != 0 { writer.put(number: region.offset >> unit) }
            }
            if region.tid != 0 { writer.put(number: UInt64(UInt32(bitPattern: region.tid))) }
            end = region.end
            last = (number, region.offset &+ region.size)
        }
        // A copy, so that it is no larger than what is in it.
        bytes = writer.bytes.withUnsafeBufferPointer { Array($0) }
        count = regions.count
    }

    /// What it takes, without the array's own head.
    package var byteCount: Int { bytes.count }

    /// The regions as they were.
    package var regions: [Region] {
        var reader = Reader(bytes)
        var regions: [Region] = []
        regions.reserveCapacity(count)
        var files: [File] = [.none]
        var device = DeviceNumber.none
        var end: UInt64 = 0
        var last: (file: UInt64, offset: UInt64) = (0, 0)
        for _ in 0..<count {
            let flags = reader.byte()
            let permissions = reader.byte()
            let unit = flags & Self.isInBytes == 0 ? Self.pageBits : 0
            let start = flags & Self.touches != 0 ? end : end &+ reader.number() << unit
            let size = reader.number() << unit
            var (number, offset) = last
            if flags & Self.goesOn == 0 {
                number = reader.number()
                if number == files.count {
                    let inode = reader.number()
                    let path = reader.number()
                    if path & 1 != 0 {
                        device = DeviceNumber(rawValue: UInt32(truncatingIfNeeded: reader.number()))
                    }
                    files.append(
                        File(
                            inode: inode, device: device,
                            path: PathID(rawValue: UInt32(truncatingIfNeeded: path >> 1))))
                }
                offset = number == 0 ? 0 : reader.number() << unit
            } else if number == 0 {
                offset = 0
            }
            let tid = permissions & Self.hasThread == 0 ? 0 : UInt32(truncatingIfNeeded: reader.number())
            end = start &+ size
            last = (number, offset &+ size)
            let file = files[Int(number)]
            regions.append(
                Region(
                    start: start, end: end, permissions: Permissions(rawValue: permissions & 0x7f),
                    offset: offset, device: file.device, inode: file.inode,
                    path: file.path, kind: RegionKind(rawValue: flags & 0x1f) ?? .anon,
                    tid: Int32(bitPattern: tid)))
        }
        return regions
    }
}

/// Numbers of any size, seven bits a byte.
private struct Writer {
    var bytes: [UInt8] = []

    mutating func put(_ byte: UInt8) { bytes.append(byte) }

    mutating func put(number: UInt64) {
        var rest = number
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

private struct Reader {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func byte() -> UInt8 {
        defer { index += 1 }
        return bytes[index]
    }

    mutating func number() -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = byte()
            value |= UInt64(next & 0x7f) << shift
            if next & 0x80 == 0 { return value }
            shift += 7
        }
    }
}
