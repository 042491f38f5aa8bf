import MemoryModel

/// What stands in a block of the drawing, and beside it.
enum MapWords {
    static func label(_ band: MapBand, _ glyphs: MapGlyphs) -> String {
        switch band.zone {
        case .heap: return "heap " + glyphs.up
        case .stack: return "stack " + glyphs.down
        case .image, .mmap:
            let groups = band.groups.map(\.group)
            if groups.count == 1 { return groups[0].label }
            if band.zone == .mmap { return "mmap" }
            let names = groups.sorted { $0.rawValue < $1.rawValue }.map(\.label)
            return names.count == 2 ? names.joined(separator: ", ") : "image"
        }
    }

    /// A few words for who does not know these names, or figures for who does.
    static func remark(_ band: MapBand, in space: AddressSpace) -> String {
        switch band.zone {
        case .heap:
            return "malloc's, by brk: the break is " + address(space.programBreak ?? band.end)
        case .stack:
            switch space.stackLimit {
            case nil: return "the main thread's"
            case .max?: return "the main thread's, without a limit"
            case let limit?: return "may grow to \(BinarySize.text(limit))"
            }
        case .image: return image(band)
        case .mmap:
            let groups = band.groups
            if groups.count == 1, let only = groups.first { return mapped(only.group, only.part, band) }
            return groups.map { "\($0.group.label) \(BinarySize.text($0.part.size))" }
                .joined(separator: ", ")
        }
    }

    private static func image(_ band: MapBand) -> String {
        let name = files(band, limit: 1)
        let groups = band.groups.map(\.group)
        if groups == [.data] { return "variables that begin with a value" }
        if groups == [.bss] { return "variables that begin as zeros" }
        if groups == [.rodata] { return "constants of \(name)" }
        if groups == [.text] { return "code of \(name)" }
        return name
    }

    private static func mapped(_ group: MapGroup, _ part: MapBand.Part, _ band: MapBand) -> String {
        let count = part.regions
        switch group {
        case .libraries, .files, .devices:
            return band.files.isEmpty ? regions(count) : files(band, limit: 2)
        case .threadStacks:
            return band.threads == 1
                ? "of one thread, with its guard" : "of \(band.threads) threads, with guards"
        case .arenas:
            return count == 1 ? "malloc's, for other threads" : "malloc's, for other threads: \(count)"
        case .reserved: return "addresses without memory"
        case .jit: return "code made while running"
        case .vdso: return "the kernel's, for fast system calls"
        case .shared: return band.files.isEmpty ? regions(count) : files(band, limit: 1)
        default: return count == 1 ? "1 region" : "\(count) regions, at most \(BinarySize.text(part.largest))"
        }
    }

    private static func regions(_ count: Int) -> String { count == 1 ? "1 region" : "\(count) regions" }

    /// `libc.so.6, libm.so.6 and 10 more`: the largest by name.
    private static func files(_ band: MapBand, limit: Int) -> String {
        let names = band.files.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
            .map { $0.key.split(separator: "/").last.map(String.init) ?? $0.key }
        let shown = names.prefix(limit).joined(separator: ", ")
        return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
    }

    static func address(_ value: UInt64) -> String { String(value, radix: 16) }
}
