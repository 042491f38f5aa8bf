import Journal
import MemoryModel
import Testing

@Suite("An event as a sentence")
struct JournalSentenceTests {
    private func event(_ type: EventType, _ change: (inout MemoryEvent) -> Void = { _ in }) -> MemoryEvent {
        var event = MemoryEvent(
            time: Timestamp(seconds: 0), pid: 812, comm: Array("postgres".utf8), type: type)
        change(&event)
        return event
    }

    private static let mebibyte: Int64 = 1 << 20

    @Test("the example of the documentation reads as it says")
    func example() {
        let grown = event(.brkGrow) {
            $0.kind = .heap
            $0.delta = 12 * Self.mebibyte
            $0.size = 100_978_524
        }
        #expect(JournalSentence.text(grown) == "postgres[812]: heap (brk) grew 12.0 MiB to 96.3 MiB")
    }

    @Test(
        "every type of event has its sentence",
        arguments: [
            (.attached, nil, "attached, with 2.0 MiB of address space"),
            (.brkGrow, .heap, "heap (brk) grew 1.0 MiB to 2.0 MiB"),
            (.brkShrink, .heap, "heap (brk) grew 1.0 MiB to 2.0 MiB"),
            (.mmap, .anon, "mapped 1.0 MiB of anon (mmap) at 0x7f0000001000: /a b"),
            (.munmap, .file, "unmapped 1.0 MiB of file (mmap) at 0x7f0000001000: /a b"),
            (.resize, .shared, "shared (mmap) at 0x7f0000001000 grew 1.0 MiB to 2.0 MiB: /a b"),
            (.protect, .text, "text (image) at 0x7f0000001000, 2.0 MiB, is now r-xp: /a b"),
            (.stackGrow, .stack, "stack grew 1.0 MiB to 2.0 MiB"),
            (.exec, nil, "started a new program (exec), with 2.0 MiB of address space: /a b"),
            (.fork, nil, "forked, with 2.0 MiB of address space"),
            (.exit, nil, "exited"),
            (.detached, nil, "detached, with 2.0 MiB of address space"),
            (.threshold, .heap, "heap (brk) is above its threshold with 2.0 MiB: /a b"),
            (
                .leakSuspected, .heap,
                "heap (brk) may be leaking: it grows and gives nothing back, at 2.0 MiB: /a b"
            ),
            (.stackNearLimit, .threadStack, "thread-stack (mmap) of thread 815 is near its limit at 2.0 MiB"),
            (
                .mapsNearLimit, nil,
                "is near the number of mappings that the kernel allows (vm.max_map_count): /a b"
            ),
            (
                .writableExecutable, .jit,
                "jit (mmap) at 0x7f0000001000, 2.0 MiB, is both writable and executable: /a b"
            ),
            (
                .gap, nil,
                "the kernel's records have a gap: what happened meanwhile is known by comparing looks"
            ),
        ] as [(EventType, RegionKind?, String)])
    func everyType(type: EventType, kind: RegionKind?, sentence: String) {
        let full = event(type) {
            $0.kind = kind
            $0.delta = Self.mebibyte
            $0.size = UInt64(2 * Self.mebibyte)
            $0.start = 0x7f00_0000_1000
            $0.permissions = [.read, .execute]
            $0.path = Array("/a b".utf8)
            $0.tid = 815
        }
        #expect(JournalSentence.text(full) == "postgres[812]: " + sentence)
    }

    @Test("with nothing known it is a sentence still", arguments: EventType.allCases)
    func bare(type: EventType) {
        let predicate = JournalSentence.predicate(event(type))
        #expect(!predicate.isEmpty && !predicate.contains("  ") && !predicate.contains("nil"))
        #expect(predicate.last?.isLetter == true || predicate.last == ")")
    }

    @Test("the sign of the change picks the verb, and an exit says what came back")
    func signs() {
        let shrunk = event(.brkShrink) {
            $0.delta = -4096
            $0.size = 0
        }
        #expect(JournalSentence.predicate(shrunk) == "heap (brk) shrank 4.0 KiB to 0 B")
        #expect(JournalSentence.predicate(event(.exit) { $0.delta = .min }) == "exited, giving back 8.0 EiB")
    }

    @Test("an event that stands for many says how many, a fork whom it made, a gap what it lost")
    func counts() {
        let many = event(.mmap) {
            $0.kind = .anon
            $0.delta = 12 * Self.mebibyte
            $0.count = 1_234_567
        }
        #expect(
            JournalSentence.predicate(many)
                == "mapped 12.0 MiB of anon (mmap) in 1,234,567 mappings of one tick")
        let steps = event(.brkGrow) {
            $0.delta = Self.mebibyte
            $0.size = UInt64(2 * Self.mebibyte)
            $0.count = 12
        }
        #expect(
            JournalSentence.predicate(steps) == "heap (brk) grew 1.0 MiB to 2.0 MiB in 12 steps of one tick")
        let fork = event(.fork) {
            $0.child = 1234
            $0.size = UInt64(2 * Self.mebibyte)
        }
        #expect(JournalSentence.predicate(fork) == "forked process 1234, with 2.0 MiB of address space")
        for (count, words) in [(UInt64(1), "1 record"), (999, "999 records"), (1_000, "1,000 records")] {
            let gap = event(.gap) { $0.count = count }
            #expect(JournalSentence.predicate(gap).hasPrefix("the kernel dropped \(words): what happened"))
        }
    }

    @Test("a thread's stack is that thread's only where a look said so: the kernel reports who called")
    func threads() {
        var stack = event(.mmap) {
            $0.kind = .threadStack
            $0.delta = 8 * Self.mebibyte
            $0.tid = 815
        }
        #expect(JournalSentence.predicate(stack) == "mapped 8.0 MiB of thread-stack (mmap) of thread 815")
        stack.source = .perf
        #expect(JournalSentence.predicate(stack) == "mapped 8.0 MiB of thread-stack (mmap)")
    }

    @Test("names and paths cannot break out of it")
    func hostile() {
        let odd = event(.mmap) {
            $0.comm = Array("\u{1b}[2J\n\u{202e}".utf8) + [0xff]
            $0.delta = 512
            $0.path = Array(repeating: UInt8(ascii: "x"), count: 100_000)
        }
        let text = JournalSentence.text(odd)
        #expect(text.hasPrefix("\\x1b[2J\\n\\u{202e}\\xff[812]: mapped 512 B of anon (mmap): xxx"))
        #expect(text.hasSuffix("x…") && text.utf8.count < 400)
    }
}
