import MemoryModel
import Testing

@testable import Tracing

@Suite("What happened between two looks")
struct MapComparisonTests {
    private func expect(
        _ old: [Region], _ new: [Region], _ lines: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let (changes, intervals) = MapComparison.compare(from: old, to: new)
        #expect(changes.map(line) == lines, sourceLocation: sourceLocation)
        #expect(
            applying(intervals, old, new) == new, "the intervals do not lead from old to new",
            sourceLocation: sourceLocation)
    }

    @Test("nothing changed: no events, nothing died, nothing was born")
    func nothing() {
        let map = [region(1, 4, .text, [.read, .execute], inode: 9), region(8, 9, .heap)]
        let (changes, intervals) = MapComparison.compare(from: map, to: map)
        #expect(changes.isEmpty && intervals.isEmpty)
        expect([], [])
    }

    // MARK: The break

    @Test("the break that moves up is one brk-grow, with the whole heap's size afterwards")
    func brkGrow() {
        expect([region(10, 12, .heap)], [region(10, 15, .heap)], "brk-grow heap +3 12-15 → 5")
        expect([], [region(10, 12, .heap)], "brk-grow heap +2 10-12 → 2")
    }

    @Test("the break that moves down is one brk-shrink")
    func brkShrink() {
        expect([region(10, 15, .heap)], [region(10, 12, .heap)], "brk-shrink heap -3 12-15 → 2")
        expect([region(10, 12, .heap)], [], "brk-shrink heap -2 10-12 → 0")
    }

    @Test("a heap that mprotect has cut still has one break, and grows by one event")
    func cutHeap() {
        let old = [region(10, 12, .heap), region(12, 13, .heap, [.read]), region(13, 15, .heap)]
        let new = [region(10, 12, .heap), region(12, 13, .heap, [.read]), region(13, 20, .heap)]
        expect(old, new, "brk-grow heap +5 15-20 → 10")
        // Shrinking across all three areas.
        expect(old, [region(10, 11, .heap)], "brk-shrink heap -4 11-15 → 1")
        // Growth behind a part that became read-only since.
        expect(
            [region(10, 15, .heap)], [region(10, 12, .heap), region(12, 18, .heap, [.read])],
            "protect heap 0 12-15 → 6", "brk-grow heap +3 15-18 → 8")
    }

    // MARK: Mappings

    @Test("a new mapping is an mmap, one that is gone a munmap")
    func mapping() {
        expect([region(1, 2, .anon)], [region(1, 2, .anon), region(5, 8, .anon)], "mmap anon +3 5-8 → 3")
        expect([region(1, 2, .anon), region(5, 8, .anon)], [region(1, 2, .anon)], "munmap anon -3 5-8 → 0")
    }

    @Test("a mapping that the kernel merged with the one above it is an mmap of exactly the new range")
    func mergedBelow() {
        expect([region(10, 12, .anon)], [region(7, 12, .anon)], "mmap anon +3 7-10 → 5")
    }

    @Test("growth upward is a resize: what mremap does in place")
    func extendedUpward() {
        expect([region(10, 12, .anon)], [region(10, 15, .anon)], "resize anon +3 12-15 → 5")
        // Above another file's mapping it is no extension.
        expect(
            [region(10, 12, .anon)], [region(10, 12, .anon), region(12, 15, .file, [.read], inode: 7)],
            "mmap file +3 12-15 → 3")
    }

    @Test("new memory that closes the gap between two mappings is an extension of the lower one")
    func gapClosed() {
        expect(
            [region(10, 12, .anon), region(14, 16, .anon)], [region(10, 16, .anon)],
            "resize anon +2 12-14 → 6")
    }

    @Test("a tail cut off is a resize; a hole and a cut at the beginning are munmaps")
    func cuts() {
        expect([region(10, 16, .anon)], [region(10, 13, .anon)], "resize anon -3 13-16 → 3")
        expect(
            [region(10, 16, .anon)], [region(10, 12, .anon), region(14, 16, .anon)],
            "munmap anon -2 12-14 → 4")
        expect([region(10, 16, .anon)], [region(13, 16, .anon)], "munmap anon -3 10-13 → 3")
    }

    @Test("a mapping that moved is a munmap and an mmap")
    func moved() {
        expect(
            [region(10, 12, .anon)], [region(20, 22, .anon)], "munmap anon -2 10-12 → 0",
            "mmap anon +2 20-22 → 2")
    }

    @Test("another file at the same place is a munmap and an mmap")
    func replaced() {
        let old = region(10, 13, .file, [.read], inode: 5, path: 1)
        let new = region(10, 13, .file, [.read], inode: 6, path: 2)
        expect([old], [new], "munmap file -3 10-13 → 0", "mmap file +3 10-13 → 3")
        // The same file from another offset.
        let elsewhere = region(10, 13, .file, [.read], inode: 5, offset: 4, path: 1)
        expect([old], [elsewhere], "munmap file -3 10-13 → 0", "mmap file +3 10-13 → 3")
        // Anonymous memory in a file's place: what MAP_FIXED does.
        expect(
            [old], [region(10, 13, .anon)], "munmap file -3 10-13 → 0", "mmap anon +3 10-13 → 3")
    }

    @Test("a file's tail keeps its backing when the beginning is cut off")
    func fileCut() {
        expect(
            [region(10, 16, .file, [.read], inode: 5, path: 1)],
            [region(12, 16, .file, [.read], inode: 5, offset: 2, path: 1)], "munmap file -2 10-12 → 4")
    }

    // MARK: Protection and kind

    @Test("protection that changes without the kind is one protect of no bytes")
    func protect() {
        expect([region(10, 13, .anon)], [region(10, 13, .anon, [.read])], "protect anon 0 10-13 → 3")
        // A part of it: only the part is named.
        expect(
            [region(10, 16, .anon)],
            [region(10, 12, .anon), region(12, 14, .anon, [.read]), region(14, 16, .anon)],
            "protect anon 0 12-14 → 2")
    }

    @Test("protection that changes the kind takes the bytes from the one and gives them to the other")
    func protectToAnotherKind() {
        expect(
            [region(10, 13, .reserved, [])], [region(10, 11, .anon), region(11, 13, .reserved, [])],
            "protect reserved -1 10-11 → 2", "protect anon +1 10-11 → 1")
        expect(
            [region(10, 13, .anon)], [region(10, 13, .jit, [.read, .write, .execute])],
            "protect anon -3 10-13 → 0", "protect jit +3 10-13 → 3")
    }

    @Test("memory that is understood better by a later look changes its kind and not its size")
    func reclassified() {
        expect(
            [region(10, 18, .anon)], [region(10, 18, .threadStack, tid: 77)], "resize anon -8 10-18 → 0",
            "resize thread-stack +8 10-18 → 8")
        expect(
            [region(10, 12, .bss)], [region(10, 12, .heap)], "resize bss -2 10-12 → 0",
            "brk-grow heap +2 10-12 → 2")
    }

    @Test("a thread that takes over another's stack is no event, but a new interval")
    func otherThread() {
        let old = [region(10, 18, .threadStack, tid: 7)]
        let new = [region(10, 18, .threadStack, tid: 8)]
        let (changes, intervals) = MapComparison.compare(from: old, to: new)
        #expect(changes.isEmpty)
        #expect(intervals == IntervalChange(died: [0], born: [0]))
    }

    @Test("the stack that grows down is one stack-grow")
    func stack() {
        expect([region(90, 99, .stack)], [region(80, 99, .stack)], "stack-grow stack +10 80-90 → 19")
    }

    @Test("each event carries the permissions, the name and the thread of its region")
    func details() throws {
        let new = region(10, 18, .threadStack, [.read], path: 4, tid: 77)
        let change = try #require(MapComparison.compare(from: [], to: [new]).changes.first)
        #expect(change.permissions == [.read] && change.path == PathID(rawValue: 4) && change.tid == 77)
    }
}

/// `old` without what died and with what was born, in order.
func applying(_ intervals: IntervalChange, _ old: [Region], _ new: [Region]) -> [Region] {
    let died = Set(intervals.died)
    let kept = old.indices.filter { !died.contains($0) }.map { old[$0] }
    return (kept + intervals.born.map { new[$0] }).sorted { $0.start < $1.start }
}
