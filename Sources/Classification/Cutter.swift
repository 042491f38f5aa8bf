import MemoryModel

/// Cuts anonymous areas where one origin ends and the next begins.
struct Cutter {
    private var bss: Claims
    private var arenas: Claims
    private var stacks: Claims
    /// Nothing claims anything from the last area cut up to here: most areas lie between claims.
    private var quietEnd: UInt64 = 0

    init(bss: Claims, arenas: Claims, stacks: Claims) {
        self.bss = bss
        self.arenas = arenas
        self.stacks = stacks
    }

    /// Memory that nobody named: an image's tail, an arena, a stack, or just mmap'd.
    mutating func cut(_ area: VMA, into regions: inout [Region]) {
        let rest = AnonymousRules.kind(area.permissions)
        if area.end <= quietEnd {
            regions.append(Region(area, kind: rest))
            return
        }
        var position = area.start
        while position < area.end {
            var piece = Claim(start: position, end: area.end, kind: rest)
            // The image's own headers are the strongest word, a guess at a stack the weakest.
            if !Self.narrow(&piece, to: bss.next(from: position)),
                !Self.narrow(&piece, to: arenas.next(from: position))
            {
                _ = Self.narrow(&piece, to: stacks.next(from: position))
            }
            append(area, piece, into: &regions)
            position = piece.end
        }
        quietEnd = min(
            bss.next(from: position)?.start ?? .max, arenas.next(from: position)?.start ?? .max,
            stacks.next(from: position)?.start ?? .max)
    }

    /// The area the kernel calls `[heap]`: bss below `boundary`, and where an image says so.
    mutating func cutHeap(_ area: VMA, at boundary: UInt64, into regions: inout [Region]) {
        var position = area.start
        while position < area.end {
            let isBelow = position < boundary
            var piece = Claim(
                start: position, end: isBelow ? boundary : area.end, kind: isBelow ? .bss : .heap)
            // start_brk, where it is known and inside, is exact: no header speaks beyond it.
            if boundary == area.start { _ = Self.narrow(&piece, to: bss.next(from: position)) }
            append(area, piece, into: &regions)
            position = piece.end
        }
    }

    /// Gives `piece` to `claim` where it begins inside it, else ends it where the claim begins.
    private static func narrow(_ piece: inout Claim, to claim: Claim?) -> Bool {
        guard let claim else { return false }
        if claim.start <= piece.start {
            piece.kind = claim.kind
            piece.tid = claim.tid
            piece.end = min(piece.end, claim.end)
            return true
        }
        piece.end = min(piece.end, claim.start)
        return false
    }

    private func append(_ area: VMA, _ piece: Claim, into regions: inout [Region]) {
        var region = Region(area, kind: piece.kind, tid: piece.tid)
        region.start = piece.start
        region.end = piece.end
        regions.append(region)
    }
}
