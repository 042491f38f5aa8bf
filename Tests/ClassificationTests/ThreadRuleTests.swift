import Classification
import MemoryModel
import Testing

@Suite("thread stacks, guards and arenas")
struct ThreadRuleTests {
    private let twoStacks = """
        7f0000000000-7f0000001000 ---p 00000000 00:00 0
        7f0000001000-7f0000801000 rw-p 00000000 00:00 0
        7f0000801000-7f0000802000 ---p 00000000 00:00 0
        7f0000802000-7f0001002000 rw-p 00000000 00:00 0
        """

    @Test("memory that a thread's stack pointer is in is its stack, and below lies its guard")
    func byPointer() {
        let drawing = Drawing(twoStacks).thread(101, at: 0x7f00_0080_0e00).thread(102, at: 0x7f00_0100_1000)
        #expect(
            drawing.kinds() == [
                "7f0000000000-7f0000001000 guard", "7f0000001000-7f0000801000 thread-stack 101",
                "7f0000801000-7f0000802000 guard", "7f0000802000-7f0001002000 thread-stack 102",
            ])
    }

    @Test("a process with one thread has no thread's stack, whatever its memory looks like")
    func singleThreaded() {
        #expect(Drawing(twoStacks).names() == ["reserved", "anon", "reserved", "anon"])
    }

    @Test("stack pointers that cannot be read: as many stacks are guessed as there are threads")
    func byShape() {
        let one = Drawing(twoStacks).thread(101, at: nil)
        #expect(one.names() == ["reserved", "anon", "guard", "thread-stack"])
        #expect(one.thread(102, at: nil).names() == ["guard", "thread-stack", "guard", "thread-stack"])
        var denied = Drawing(twoStacks)
        denied.evidence.threads = []
        denied.evidence.threadCount = 3
        #expect(denied.names() == ["guard", "thread-stack", "guard", "thread-stack"])
    }

    @Test("the guess prefers what is as large as a stack that is known")
    func shapeBySize() {
        let drawing = Drawing(
            """
            7f0000000000-7f0000001000 ---p 00000000 00:00 0
            7f0000001000-7f0000101000 rw-p 00000000 00:00 0
            7f0000200000-7f0000201000 ---p 00000000 00:00 0
            7f0000201000-7f0000301000 rw-p 00000000 00:00 0
            7f0000400000-7f0000401000 ---p 00000000 00:00 0
            7f0000401000-7f0000c01000 rw-p 00000000 00:00 0
            """
        ).thread(101, at: 0x7f00_0010_0800).thread(102, at: nil)
        #expect(drawing.names() == ["guard", "thread-stack", "guard", "thread-stack", "reserved", "anon"])
    }

    /// A JVM of 17 keeps pieces of 20 KiB above reserves of 920 KiB.
    @Test("the guess takes no memory that is smaller than what lies inaccessible below it")
    func shapeBelowReserve() {
        let drawing = Drawing(
            """
            7f0000000000-7f0000001000 ---p 00000000 00:00 0
            7f0000001000-7f0000101000 rw-p 00000000 00:00 0
            7f0000200000-7f00002e6000 ---p 00000000 00:00 0
            7f00002e6000-7f00002eb000 rw-p 00000000 00:00 0
            7f00002eb000-7f00003d1000 ---p 00000000 00:00 0
            7f00003d1000-7f00003d6000 rw-p 00000000 00:00 0
            """
        ).thread(101, at: nil).thread(102, at: nil)
        #expect(drawing.names() == ["guard", "thread-stack", "reserved", "anon", "reserved", "anon"])
    }

    @Test("a guess made once does not grow with every look")
    func guessesStay() {
        let drawing = Drawing(twoStacks).thread(101, at: nil)
        let first = drawing.regions()
        #expect(drawing.regions(after: first) == first)
        #expect(drawing.regions(after: drawing.regions(after: first)) == first)
    }

    @Test("a stack stays one when its thread runs or has ended")
    func sticky() {
        let first = Drawing(twoStacks).thread(101, at: 0x7f00_0080_0e00).thread(102, at: 0x7f00_0100_1000)
            .regions()
        let running = Drawing(twoStacks).thread(101, at: nil).thread(102, at: 0x7f00_0100_1000)
        #expect(running.regions(after: first) == first)
        let ended = Drawing(twoStacks).thread(102, at: 0x7f00_0100_1000)
        #expect(ended.regions(after: first).map(\.kind) == first.map(\.kind))
        #expect(ended.regions(after: first).map(\.tid) == [0, 0, 0, 102])
        #expect(Drawing(twoStacks).regions(after: first).map(\.kind) == first.map(\.kind))
    }

    @Test("older memory that the kernel merged behind a stack is not the stack")
    func mergedBehind() {
        let drawing = Drawing(
            """
            7f0000000000-7f0000001000 ---p 00000000 00:00 0
            7f0000001000-7f0000901000 rw-p 00000000 00:00 0
            """
        ).thread(101, at: 0x7f00_0080_0000)
        #expect(
            drawing.kinds().dropFirst() == [
                "7f0000001000-7f0000801000 thread-stack 101", "7f0000801000-7f0000901000 anon",
            ])
    }

    @Test("without guards several stacks are one area: the lowest tid is named")
    func mergedStacks() {
        let drawing = Drawing("7f0000001000-7f0001001000 rw-p 00000000 00:00 0")
            .thread(102, at: 0x7f00_0080_0000).thread(101, at: 0x7f00_0100_0000)
        #expect(drawing.kinds() == ["7f0000001000-7f0001001000 thread-stack 101"])
    }

    @Test("a thread on memory that has another name changes nothing: heap, image, Go's heap")
    func elsewhere() {
        let heap = Drawing("10000-90000 rw-p 00000000 00:00 0 [heap]").thread(101, at: 0x20000)
        #expect(heap.names() == ["heap"])
        let go = Drawing(
            """
            c000000000-c000400000 rw-p 00000000 00:00 0
            c000400000-c004000000 ---p 00000000 00:00 0
            """
        ).thread(101, at: 0xc0_0003_0000)
        #expect(go.names() == ["anon", "reserved"])
    }

    @Test("libc's own names are believed")
    func names() {
        let drawing = Drawing(
            """
            7f0000000000-7f0000800000 rw-p 00000000 00:00 0 [anon: glibc: pthread stack: 4711]
            7f0004100000-7f0004200000 rw-p 00000000 00:00 0 [anon: glibc: malloc arena]
            """
        ).thread(4711, at: nil)
        #expect(drawing.kinds().first == "7f0000000000-7f0000800000 thread-stack 4711")
        #expect(drawing.names().last == "arena")
    }

    // MARK: Arenas

    @Test("64 MiB that begin writable at a multiple of 64 MiB are an arena and its reserve")
    func arena() {
        let drawing = Drawing(
            """
            7f0004000000-7f0004021000 rw-p 00000000 00:00 0
            7f0004021000-7f0008000000 ---p 00000000 00:00 0
            """)
        #expect(drawing.names() == ["arena", "reserved"])
    }

    @Test("memory merged below an arena is not the arena's")
    func mergedBelowArena() {
        let drawing = Drawing(
            """
            7f0003f00000-7f0004021000 rw-p 00000000 00:00 0
            7f0004021000-7f0008000000 ---p 00000000 00:00 0
            """)
        #expect(
            drawing.kinds() == [
                "7f0003f00000-7f0004000000 anon", "7f0004000000-7f0004021000 arena",
                "7f0004021000-7f0008000000 reserved",
            ])
    }

    @Test("a guard merged with an arena's reserve is cut off")
    func mergedGuard() {
        let drawing = Drawing(
            """
            7f0004000000-7f0004021000 rw-p 00000000 00:00 0
            7f0004021000-7f0008001000 ---p 00000000 00:00 0
            7f0008001000-7f0008801000 rw-p 00000000 00:00 0
            """
        ).thread(101, at: 0x7f00_0880_0000)
        #expect(
            drawing.kinds() == [
                "7f0004000000-7f0004021000 arena", "7f0004021000-7f0008000000 reserved",
                "7f0008000000-7f0008001000 guard", "7f0008001000-7f0008801000 thread-stack 101",
            ])
    }

    @Test("a full heap is an arena's only beside one that is not full")
    func fullHeap() {
        let full = "7f0000000000-7f0004000000 rw-p 00000000 00:00 0\n"
        #expect(Drawing(full).names() == ["anon"])
        let other = """
            7f0010000000-7f0010021000 rw-p 00000000 00:00 0
            7f0010021000-7f0014000000 ---p 00000000 00:00 0
            """
        #expect(Drawing(full + other).names() == ["arena", "arena", "reserved"])
        let row = """
            7f0000000000-7f0004021000 rw-p 00000000 00:00 0
            7f0004021000-7f0008000000 ---p 00000000 00:00 0
            """
        #expect(Drawing(row).kinds().first == "7f0000000000-7f0004021000 arena")
    }

    @Test(
        "what only resembles an arena is none",
        arguments: [
            // A JVM's object heap with -Xmx64m; Go's heap.
            "fc000000-fd000000 rw-p 00000000 00:00 0\nfd000000-100000000 ---p 00000000 00:00 0",
            "c000000000-c000400000 rw-p 00000000 00:00 0\nc000400000-c004000000 ---p 00000000 00:00 0",
            // Too small, shared, executable, not 64 MiB, not directly followed.
            "7f0004000000-7f0004001000 rw-p 00000000 00:00 0\n7f0004001000-7f0008000000 ---p 00000000 00:00 0",
            "7f0004000000-7f0004021000 rw-s 00000000 00:00 0\n7f0004021000-7f0008000000 ---p 00000000 00:00 0",
            "7f0004000000-7f0004021000 rwxp 00000000 00:00 0\n7f0004021000-7f0008000000 ---p 00000000 00:00 0",
            "7f0004000000-7f0004021000 rw-p 00000000 00:00 0\n7f0004021000-7f0007000000 ---p 00000000 00:00 0",
            "7f0004000000-7f0004021000 rw-p 00000000 00:00 0\n7f0004021000-7f000c000000 ---p 00000000 00:00 0",
            "7f0004000000-7f0004021000 rw-p 00000000 00:00 0\n7f0004022000-7f0008000000 ---p 00000000 00:00 0",
        ])
    func noArena(lines: String) { #expect(!Drawing(lines).names().contains("arena")) }
}
