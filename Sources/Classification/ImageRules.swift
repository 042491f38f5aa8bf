import MemoryModel

/// One file loaded once: where its segments were put.
struct ImageInstance {
    var key: ImageKey
    /// From the page of its first segment to the end of its last one's bss.
    var low: UInt64
    var high: UInt64
    /// What was added to every address of the file; nil where the header could not be read.
    var bias: UInt64?
}

/// text, rodata, data, bss.
///
/// A file is an image where this process maps it executable and its header is ELF's. Which
/// of its mappings belong to the image, and which anonymous memory is its bss, follows from
/// the load bias: the kernel and the dynamic loader place all of a file's segments at one
/// distance from the addresses written in it. A tool that reads a library as data maps it
/// outside every such span, even where the same process has it loaded as well.
struct ImageRules {
    /// Ascending by ``ImageInstance/low``.
    private var instances: [ImageInstance] = []
    private(set) var bss = Claims()
    /// So many instances begin at or below the area that was asked for last.
    private var begun = 0

    init(_ look: Look, images: ImageTable<ImageLayout>) {
        var tails: [Claim] = []
        // Areas come in ascending order, so the instance just seen is the one a further
        // executable mapping of the same file would belong to.
        var latest = ImageTable<Int>(minimumCapacity: 64)
        instances.reserveCapacity(64)
        tails.reserveCapacity(64)
        for (index, area) in look.areas.enumerated() where Self.mayBeText(area) {
            let key = ImageKey(area)
            if let last = latest[key], instances[last].low <= area.start, area.end <= instances[last].high {
                continue
            }
            let instance: ImageInstance
            switch images[key] ?? .unreadable {
            case .notELF: continue
            case .elf(let image):
                guard let bias = Self.loadBias(of: area, image, look) else { continue }
                instance = Self.instance(key, image, bias, look)
                Self.addTails(of: image, bias, look, to: &tails)
            case .unreadable:
                let (found, tail) = ImageNeighbourhood.instance(around: index, look)
                instance = found
                if let tail { tails.append(tail) }
            }
            latest.set(key, instances.count)
            instances.append(instance)
        }
        // As the areas are in order, so nearly always are the images.
        let isAscending = (1..<max(instances.count, 1)).allSatisfy { index in
            instances[index - 1].low <= instances[index].low
        }
        if !isAscending { instances.sort { $0.low < $1.low } }
        bss = Claims(tails)
    }

    /// What a private mapping of a file is if it belongs to an image, else nil. Areas must be asked for in
    /// ascending order.
    mutating func kind(of area: VMA, images: ImageTable<ImageLayout>) -> RegionKind? {
        if area.permissions.isShared { return nil }
        if !isLoaded(area) {
            // Code of an image mapped at an offset no segment explains: code all the same.
            guard Self.mayBeText(area), case .elf = images[ImageKey(area)] else { return nil }
            return .text
        }
        if area.permissions.isExecutable { return .text }
        return area.permissions.isWritable ? .data : .rodata
    }

    /// Nobody maps the code of an image shared: the loader asks for private mappings only.
    static func mayBeText(_ area: VMA) -> Bool {
        area.inode != 0 && area.permissions.isExecutable && !area.permissions.isShared
    }

    private mutating func isLoaded(_ area: VMA) -> Bool {
        while begun < instances.count, instances[begun].low <= area.start { begun += 1 }
        // Spans of different files interleave only where a program leaves holes between its
        // segments, so the owner is near.
        var index = begun
        while index > 0, index > begun - 4 {
            index -= 1
            if area.end <= instances[index].high, instances[index].key == ImageKey(area) { return true }
        }
        return false
    }

    /// The load bias that puts the file's byte `area.offset` at `area.start`, by the
    /// executable segment that contains it.
    private static func loadBias(of area: VMA, _ image: ELFImage, _ look: Look) -> UInt64? {
        for segment in image.segments where segment.isExecutable {
            let first = look.pageFloor(segment.offset)
            guard area.offset >= first else { continue }
            guard area.offset &- first < look.pageCeiling(segment.filesz &+ (segment.offset &- first)) else {
                continue
            }
            let bias = area.start &- look.pageFloor(segment.vaddr) &- (area.offset &- first)
            if image.type == .executable && bias != 0 { continue }
            return bias
        }
        return nil
    }

    private static func instance(
        _ key: ImageKey, _ image: ELFImage, _ bias: UInt64, _ look: Look
    ) -> ImageInstance {
        var low = UInt64.max
        var high: UInt64 = 0
        for segment in image.segments {
            low = min(low, look.pageFloor(segment.vaddr &+ bias))
            high = max(high, look.pageCeiling(segment.vaddr &+ bias &+ max(segment.memsz, segment.filesz)))
        }
        return ImageInstance(key: key, low: low, high: high, bias: bias)
    }

    /// The kernel zeroes what is left of the last file page, and puts anonymous memory
    /// behind it for the rest of `p_memsz`. A segment with nothing in the file is anonymous
    /// from its first page on.
    private static func addTails(
        of image: ELFImage, _ bias: UInt64, _ look: Look, to tails: inout [Claim]
    ) {
        for segment in image.segments where segment.memsz > segment.filesz {
            // Every real tail has an area of its own. A crafted file has a thousand
            // segments, mapped ten thousand times: it shall not grow us.
            guard tails.count < look.areas.count else { return }
            let address = segment.vaddr &+ bias
            let start =
                segment.filesz == 0 ? look.pageFloor(address) : look.pageCeiling(address &+ segment.filesz)
            let end = look.pageCeiling(address &+ segment.memsz)
            if start < end { tails.append(Claim(start: start, end: end, kind: .bss)) }
        }
    }
}
