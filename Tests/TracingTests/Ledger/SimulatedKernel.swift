import KernelEvents
import MemoryModel
import TestSupport

/// A small model of one address space: what each call does to it, which record the kernel writes of it, and
/// what maps shows at any time.
///
/// It merges as the kernel does: neighbours of equal permissions and the same backing become one area, and a
/// record is the whole area after the call. munmap, mremap and a shrinking break leave no record.
struct SimulatedKernel {
    struct File: Hashable {
        var inode: UInt64
        var isImage = false
        /// The file system shows another device, inode and path than it has (overlayfs).
        var isOverlaid = false
        var isShared = false

        var name: String { (isImage ? "/lib/lib" : "/data/") + "\(inode)" }
    }

    enum Backing: Hashable {
        case anonymous, stack, kernel
        case file(File)
    }

    struct Area: Hashable {
        var start: UInt64
        var end: UInt64
        var permissions: Permissions
        var backing: Backing
        /// Of the file, at ``start``.
        var offset: UInt64 = 0
    }

    struct Call {
        var time: Int64
        var tid: Int32
        var name: String
        /// What it was asked to change; two for mremap.
        var ranges: [Range<UInt64>]
        var removes = false
        /// The areas that the kernel reported of it.
        var records: [Range<UInt64>] = []
    }

    static let page: UInt64 = 4096
    static let top: UInt64 = 0x7f00_0000_0000
    static let stackTop: UInt64 = 0x7fff_0000_0000

    private(set) var areas: [Area] = []
    private(set) var calls: [Call] = []
    private(set) var records: [KernelRecord] = []
    var now: Int64 = 1_000
    var tid: Int32 = 100
    private(set) var startBrk: UInt64 = 0
    private(set) var programBreak: UInt64 = 0
    private var call = Call(time: 0, tid: 0, name: "", ranges: [])

    init() { load(base: 0x5555_0000_0000, isReported: false) }

    mutating func takeRecords() -> [KernelRecord] {
        defer { records = [] }
        return records
    }

    mutating func forgetCalls(before time: Int64) { calls.removeAll { $0.time < time } }

    // MARK: The calls

    mutating func mmap(
        pages: UInt64, _ permissions: Permissions, _ backing: Backing = .anonymous, offset: UInt64 = 0,
        at fixed: UInt64? = nil
    ) {
        let size = pages * Self.page
        guard size > 0, let start = fixed ?? place(size) else { return }
        begin("mmap", [start..<start + size], removes: fixed != nil)
        cut(start..<start + size)
        var permissions = permissions
        if case .file(let file) = backing, file.isShared { permissions.insert(.shared) }
        insert(
            Area(start: start, end: start + size, permissions: permissions, backing: backing, offset: offset))
        report(areaAt: start)
        end()
    }

    mutating func munmap(_ range: Range<UInt64>) {
        begin("munmap", [range], removes: true)
        cut(range)
        end()
    }

    /// Goes area by area, and reports each as it is after merging with what was changed before it.
    mutating func mprotect(_ range: Range<UInt64>, _ permissions: Permissions) {
        begin("mprotect", [range])
        for area in areas where area.start < range.upperBound && area.end > range.lowerBound {
            if area.backing == .kernel { continue }
            let shared = area.permissions.intersection(.shared)
            if area.permissions == permissions.union(shared) { continue }
            let part = max(area.start, range.lowerBound)..<min(area.end, range.upperBound)
            var changed = area
            changed.start = part.lowerBound
            changed.end = part.upperBound
            changed.permissions = permissions.union(shared)
            if changed.offset != 0 || isFile(area) {
                changed.offset = area.offset + (part.lowerBound - area.start)
            }
            cut(part)
            insert(changed)
            report(areaAt: part.lowerBound)
        }
        end()
    }

    /// Shrinks or grows in place where it can, else moves.
    mutating func mremap(_ area: Area, pages: UInt64) {
        let size = area.end - area.start
        let newSize = pages * Self.page
        if newSize == 0 || newSize == size || area.backing == .stack || area.backing == .kernel { return }
        if newSize < size {
            begin("mremap", [area.start + newSize..<area.end], removes: true)
            cut(area.start + newSize..<area.end)
        } else if isFree(area.end..<area.start + newSize) {
            begin("mremap", [area.end..<area.start + newSize])
            var grown = area
            grown.end = area.start + newSize
            cut(area.start..<area.end)
            insert(grown)
        } else {
            guard let start = place(newSize) else { return }
            begin("mremap", [area.start..<area.end, start..<start + newSize], removes: true)
            var moved = area
            moved.start = start
            moved.end = start + newSize
            cut(area.start..<area.end)
            insert(moved)
        }
        end()
    }

    mutating func brk(to address: UInt64) {
        guard address >= startBrk else { return }
        if address < programBreak {
            begin("brk", [address..<programBreak], removes: true)
            cut(address..<programBreak)
            programBreak = address
        } else if address > programBreak, isFree(programBreak..<address + Self.page) {
            let grown = programBreak..<address
            begin("brk", [grown])
            insert(
                Area(
                    start: grown.lowerBound, end: address, permissions: [.read, .write], backing: .anonymous))
            // The break is moved after the report: the first growth of an empty heap has no name.
            report(areaAt: grown.lowerBound)
            programBreak = address
        }
        end()
    }

    mutating func growStack(pages: UInt64) {
        guard let stack = areas.last(where: { $0.backing == .stack }) else { return }
        let start = stack.start - pages * Self.page
        guard isFree(start - Self.page..<stack.start) else { return }
        begin("stack", [start..<stack.start])
        insert(Area(start: start, end: stack.start, permissions: stack.permissions, backing: .stack))
        report(areaAt: start)
        end()
    }

    mutating func exec(base: UInt64) {
        now += 1
        records.append(KernelRecord(nanoseconds: now, tid: tid, .exec(comm: Array("true".utf8))))
        calls.append(Call(time: now, tid: tid, name: "exec", ranges: [0..<UInt64.max], removes: true))
        areas = []
        load(base: base, isReported: true)
    }

    mutating func fork(child: Int32) -> SimulatedKernel {
        now += 1
        records.append(KernelRecord(nanoseconds: now, tid: tid, .fork(child: child)))
        var copy = self
        copy.records = []
        copy.calls = []
        copy.tid = child
        return copy
    }

    /// As the kernel loads a program: stack, segments, vdso.
    private mutating func load(base: UInt64, isReported: Bool) {
        let calls = calls
        let records = records
        let image = Backing.file(File(inode: 900, isImage: true))
        func segment(_ first: UInt64, _ last: UInt64, _ permissions: Permissions) -> Area {
            Area(
                start: base + first * Self.page, end: base + last * Self.page, permissions: permissions,
                backing: image, offset: first * Self.page)
        }
        for area in [
            Area(
                start: Self.stackTop - 33 * Self.page, end: Self.stackTop, permissions: [.read, .write],
                backing: .stack),
            segment(0, 10, [.read]), segment(2, 6, [.read, .execute]), segment(8, 10, [.read, .write]),
            Area(
                start: Self.top, end: Self.top + 2 * Self.page, permissions: [.read, .execute],
                backing: .kernel),
            Area(
                start: Self.top - 4 * Self.page, end: Self.top, permissions: [.read], backing: .kernel),
        ] {
            begin("exec mapping", [area.start..<area.end])
            cut(area.start..<area.end)
            insert(area)
            report(areaAt: area.start)
            end()
        }
        // Right behind the image, as without randomisation, so that what lies there merges with it.
        startBrk = base + 20 * Self.page
        programBreak = startBrk
        self.calls = calls
        if !isReported { self.records = records }
    }

    // MARK: Maps

    /// One look at maps, classified by rules as simple as they can be. Some memory is known for what it is
    /// only by a look (thread stacks), which changes with where it lies.
    func look(_ paths: inout PathTable) -> [Region] {
        var regions: [Region] = []
        for area in areas {
            for part in [
                cutOut(area, 0..<startBrk), cutOut(area, startBrk..<programBreak),
                cutOut(area, programBreak..<UInt64.max),
            ] {
                if let part { regions.append(region(part, &paths)) }
            }
        }
        return regions
    }

    private func cutOut(_ area: Area, _ range: Range<UInt64>) -> Area? {
        var part = area
        part.start = max(area.start, range.lowerBound)
        part.end = min(area.end, range.upperBound)
        guard part.start < part.end else { return nil }
        if isFile(area) { part.offset = area.offset + (part.start - area.start) }
        return part
    }

    private func region(_ area: Area, _ paths: inout PathTable) -> Region {
        let permissions = area.permissions
        var region = Region(
            start: area.start, end: area.end, permissions: permissions, offset: 0, device: .none, inode: 0,
            path: .none, kind: .anon)
        switch area.backing {
        case .stack: region.kind = .stack
        case .kernel: region.kind = .vdso
        case .anonymous:
            if area.start >= startBrk, area.end <= programBreak {
                region.kind = .heap
            } else if permissions.contains(.execute) {
                region.kind = .jit
            } else if permissions.isInaccessible {
                region.kind = .reserved
            } else if area.start / Self.page % 7 == 0 {
                region.kind = .threadStack
                region.tid = 7
            }
        case .file(let file):
            region.offset = area.offset
            region.device = DeviceNumber(major: 8, minor: file.isOverlaid ? 2 : 1)
            region.inode = file.inode + (file.isOverlaid ? 5_000 : 0)
            region.path = paths.intern(Array(((file.isOverlaid ? "/merged" : "") + file.name).utf8))
            region.kind = file.isShared ? .shared : .file
            if file.isImage {
                region.kind =
                    permissions.contains(.execute) ? .text : permissions.contains(.write) ? .data : .rodata
            }
        }
        return region
    }

    // MARK: Parts

    private mutating func begin(_ name: String, _ ranges: [Range<UInt64>], removes: Bool = false) {
        now += 1
        call = Call(time: now, tid: tid, name: name, ranges: ranges, removes: removes)
    }

    private mutating func end() {
        if call.ranges.isEmpty { return }
        calls.append(call)
        call.ranges = []
    }

    private mutating func report(areaAt address: UInt64) {
        guard let area = areas.first(where: { $0.start <= address && address < $0.end }) else { return }
        call.records.append(area.start..<area.end)
        var mapping = MappingRecord(start: area.start, end: area.end, permissions: area.permissions)
        switch area.backing {
        case .stack:
            mapping.name = .stack
            mapping.offset = 0x7fff_ffde_000
        case .kernel: mapping.name = .kernel(Array("[vdso]".utf8))
        case .anonymous:
            mapping.offset = area.start
            let isHeap = area.start < programBreak && area.end > startBrk
            mapping.name = isHeap ? .heap : .anonymous
        case .file(let file):
            mapping.name = .file(Array(file.name.utf8))
            mapping.offset = area.offset
            mapping.device = DeviceNumber(major: 8, minor: 1)
            mapping.inode = file.inode
        }
        records.append(KernelRecord(nanoseconds: now, tid: tid, .mapping(mapping)))
    }

    private func isFile(_ area: Area) -> Bool {
        if case .file = area.backing { return true }
        return false
    }

    private func isFree(_ range: Range<UInt64>) -> Bool {
        !areas.contains { $0.start < range.upperBound && $0.end > range.lowerBound }
    }

    /// The highest gap that is large enough, as the kernel searches.
    private func place(_ size: UInt64) -> UInt64? {
        var ceiling = Self.top - 4 * Self.page
        for area in areas.reversed() where area.start < ceiling {
            if area.end <= ceiling, ceiling - area.end >= size { return ceiling - size }
            ceiling = area.start
        }
        return nil
    }

    private mutating func cut(_ range: Range<UInt64>) {
        var result: [Area] = []
        for area in areas {
            guard area.start < range.upperBound, area.end > range.lowerBound else {
                result.append(area)
                continue
            }
            if let head = cutOut(area, 0..<range.lowerBound) { result.append(head) }
            if let tail = cutOut(area, range.upperBound..<UInt64.max) { result.append(tail) }
        }
        areas = result
    }

    private mutating func insert(_ area: Area) {
        let place = areas.firstIndex { $0.start >= area.end } ?? areas.count
        areas.insert(area, at: place)
        if place + 1 < areas.count { merge(place) }
        if place > 0 { merge(place - 1) }
    }

    private mutating func merge(_ index: Int) {
        let lower = areas[index]
        let upper = areas[index + 1]
        guard lower.end == upper.start, lower.permissions == upper.permissions,
            lower.backing == upper.backing,
            lower.backing != .kernel,
            !isFile(lower) || lower.offset + (upper.start - lower.start) == upper.offset
        else { return }
        areas[index].end = upper.end
        areas.remove(at: index + 1)
    }
}
