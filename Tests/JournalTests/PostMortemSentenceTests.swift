import Journal
import MemoryModel
import Testing

@Suite("A process's end as a sentence")
struct PostMortemSentenceTests {
    private static let end = Timestamp(seconds: 1_000_000)

    private func found(_ change: (inout PostMortem) -> Void = { _ in }) -> PostMortem {
        var found = PostMortem(pid: 812, comm: Array("postgres".utf8), unit: nil, time: Self.end)
        change(&found)
        return found
    }

    private func growth(_ seconds: Double) -> MemoryEvent {
        var event = MemoryEvent(
            time: Timestamp(microseconds: Self.end.microseconds - Int64(seconds * 1_000_000)), pid: 812,
            comm: [], type: .brkGrow)
        event.kind = .heap
        event.delta = 12 << 20
        return event
    }

    @Test("the totals by kind, the largest regions and the last growth, the largest first")
    func whole() {
        var kinds = KindTotals()
        kinds[.text] = 26_100_000
        kinds[.heap] = 40 << 20
        kinds[.anon] = 31_600_000
        kinds[.stack] = 132 << 10
        let text = PostMortemSentence.text(
            found {
                $0.vmSizeBytes = kinds.total
                $0.kinds = kinds
                $0.largest = [
                    .init(
                        start: 0x5581_2345_6000, sizeBytes: 40 << 20, kind: .heap, path: Array("[heap]".utf8)),
                    .init(start: 0x7f00_0000_0000, sizeBytes: 20 << 20, kind: .anon, path: nil),
                ]
                $0.lastGrowth = growth(3.25)
                $0.oomKilled = true
            })
        #expect(
            text == """
                postgres[812]: exited with 95.2 MiB of address space: heap (brk) 40.0 MiB, \
                anon (mmap) 30.1 MiB, text (image) 24.9 MiB, stack 132.0 KiB; largest: \
                heap (brk) 40.0 MiB at 0x558123456000 [heap], anon (mmap) 20.0 MiB at 0x7f0000000000; \
                last growth: heap (brk) 12.0 MiB, 3.2 s before; its control group counts an out-of-memory kill
                """)
    }

    @Test("what is not known is left out")
    func bare() { #expect(PostMortemSentence.text(found()) == "postgres[812]: exited") }

    @Test(
        "how long ago is said by its order of magnitude, and never below 0",
        arguments: [
            (-5, "0.0 s"), (0.04, "0.0 s"), (59.99, "59.9 s"), (60, "1 min"), (3_599, "59 min"),
            (7_300, "2 h"), (200_000, "2 d"),
        ] as [(Double, String)])
    func spans(seconds: Double, text: String) {
        let sentence = PostMortemSentence.text(found { $0.lastGrowth = growth(seconds) })
        #expect(sentence == "postgres[812]: exited; last growth: heap (brk) 12.0 MiB, \(text) before")
    }

    @Test("names and paths cannot break out of it, nor make it long")
    func hostile() {
        let text = PostMortemSentence.text(
            found {
                $0.comm = Array("\u{1b}[2J\n".utf8)
                $0.largest = Array(
                    repeating: .init(
                        start: 0, sizeBytes: 1, kind: .file,
                        path: Array("a\nb".utf8) + Array(repeating: 0xff, count: 9_000)),
                    count: PostMortem.mostRegions)
            })
        #expect(text.hasPrefix("\\x1b[2J\\n[812]: exited; largest: file (mmap) 1 B at 0x0 a\\nb\\xff"))
        #expect(!text.contains("\n") && text.utf8.count < 8_000)
    }
}
