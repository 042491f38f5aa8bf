import MemoryModel

/// arena: what malloc of glibc uses beside the heap, for threads other than the first.
///
/// glibc reserves 64 MiB aligned to 64 MiB (HEAP_MAX_SIZE in malloc/arena.c, on 64-bit
/// machines), and makes it readable and writable from its beginning as it needs it:
///
///     H              e                                H + 64 MiB
///     |--- rw-p -----|------------- ---p -------------|
///
/// The kernel merges the readable part with anonymous memory that ends at H, and a
/// neighbour's guard with the end of the reserve, so both ends may have to be cut.
///
/// A heap that is full has no reserve left: 64 MiB aligned to 64 MiB, in a process that has
/// another heap with one (malloc opens a new heap only when it needs one). It is taken for
/// an arena where its borders show: an area of exactly that shape, or full ones in a row
/// directly below a heap with a reserve.
struct ArenaRules {
    private static let heapMax: UInt64 = 64 << 20
    /// HEAP_MIN_SIZE: a heap is never smaller.
    private static let heapMin: UInt64 = 32 << 10

    private(set) var claims = Claims()

    init(_ look: Look) {
        let area = MmapArea(look)
        var found: [Claim] = []
        for (index, used) in look.areas.enumerated() where Self.isUsable(used, look) {
            if look.name(used) == .namedArena {
                found.append(Claim(start: used.start, end: used.end, kind: .arena))
                continue
            }
            guard let heap = Self.heap(endingIn: index, look), area.contains(heap.lowerBound) else {
                continue
            }
            // Full heaps in front of it, if the area begins with one.
            let isRow = used.start & (Self.heapMax &- 1) == 0
            found.append(
                Claim(start: isRow ? used.start : heap.lowerBound, end: used.end, kind: .arena))
            found.append(Claim(start: used.end, end: heap.upperBound, kind: .reserved))
        }
        if !found.isEmpty {
            for full in look.areas where full.size == Self.heapMax && Self.isUsable(full, look) {
                if full.start & (Self.heapMax &- 1) == 0, area.contains(full.start) {
                    found.append(Claim(start: full.start, end: full.end, kind: .arena))
                }
            }
        }
        claims = Claims(found)
    }

    private static func isUsable(_ area: VMA, _ look: Look) -> Bool {
        area.permissions.isReadWriteOnly && look.isPlain(area)
    }

    /// The 64 MiB whose usable part ends with area `index`.
    private static func heap(endingIn index: Int, _ look: Look) -> Range<UInt64>? {
        let used = look.areas[index]
        let start = used.end & ~(heapMax &- 1)
        guard index + 1 < look.areas.count, start >= used.start, used.end &- start >= heapMin else {
            return nil
        }
        let (end, overflow) = start.addingReportingOverflow(heapMax)
        let reserve = look.areas[index + 1]
        guard !overflow, look.touchesPrevious(index + 1), look.isInaccessible(reserve) else { return nil }
        if reserve.end == end { return start..<end }
        // A guard merged with the reserve: only a stack's, and directly above.
        guard reserve.end > end, reserve.end &- end <= ThreadStackRules.largestGuard,
            index + 2 < look.areas.count, look.touchesPrevious(index + 2),
            isUsable(look.areas[index + 2], look)
        else { return nil }
        return start..<end
    }
}

/// Where mmap places what has no address of its own: below the stack, downwards; or, with an
/// unlimited stack or the legacy layout, from a third of the address space upwards.
///
/// A JVM reserves its heap (64 MiB with `-Xmx64m`) low, where 32-bit object pointers reach,
/// and Go at 0xc000000000: exactly an arena's shape, but never mmap's own choice.
struct MmapArea {
    /// `mmap_rnd_bits` is at most 32 on x86-64 and 33 on arm64: 16 TiB of pages of 4 KiB.
    private static let reach: UInt64 = 16 << 40
    private let stack: UInt64?

    init(_ look: Look) {
        stack =
            look.evidence.startStack
            ?? look.areas.last { look.name($0) == .stack && look.isAnonymous($0) }?.start
    }

    func contains(_ address: UInt64) -> Bool {
        // Without a stack there is nothing to measure from: believe the shape.
        guard let stack else { return true }
        guard address < stack else { return false }
        if stack &- address <= Self.reach { return true }
        let taskSize: UInt64 = 1 << UInt64(64 &- stack.leadingZeroBitCount)
        let legacy = taskSize / 3
        return address >= legacy && address &- legacy <= Self.reach
    }
}
