import KernelEvents
import MemoryModel
import Testing

@testable import Tracing

@Suite("What Linux really reports, told by the ledger")
struct LedgerRecordedTests {
    private func told(
        _ text: String, _ ledger: inout Ledger, startBrk: UInt64? = nil
    ) -> [String] {
        var paths = PathTable()
        let events = ledger.apply(
            RecordedCalls.records(text), look: nil, paths: &paths, context: LedgerContext(startBrk: startBrk))
        return events.map { event in
            let kind = event.kind.map { " " + $0.name } ?? ""
            let bytes = event.delta.map { " \($0)" } ?? ""
            return event.type.name + kind + bytes + (event.source == .sample ? " (unseen)" : "")
        }
    }

    private func known(_ regions: Region...) -> Ledger {
        var ledger = Ledger()
        _ = ledger.settle(with: regions, at: 0)
        return ledger
    }

    private func stack(_ start: UInt64, _ end: UInt64) -> Region {
        Region(
            start: start, end: end, permissions: [.read, .write], offset: 0, device: .none, inode: 0,
            path: .none, kind: .stack)
    }

    @Test("64 KiB mapped, protected in the middle and back, unmapped and mapped again")
    func mapping() {
        var ledger = known()
        #expect(
            told(RecordedCalls.mapProtectUnmapMap, &ledger) == [
                "mmap anon 65536", "protect anon 0", "protect anon 0", "munmap anon -65536 (unseen)",
                "mmap anon 65536",
            ])
        // Moved by mremap meanwhile, and shared memory put in its place.
        #expect(
            told(RecordedCalls.sharedOverMoved, &ledger) == [
                "munmap anon -65536 (unseen)", "mmap shared 65536",
            ])
    }

    @Test("the break up, up, down and up, down and up")
    func breaks() {
        var ledger = known()
        #expect(
            told(RecordedCalls.breaks, &ledger, startBrk: 0x55ec_bad8_1ff0) == [
                "brk-grow heap 4096", "brk-grow heap 4096",
                // Lowered by a page and raised by two: by how much it was lowered no record tells.
                "brk-grow heap 4096", "brk-shrink heap -4096 (unseen)", "brk-grow heap 4096",
            ])
    }

    @Test("the stack grows in three steps")
    func stack() {
        var ledger = known(stack(0x7fff_3d8e_b000, 0x7fff_3d90_c000))
        #expect(
            told(RecordedCalls.stack, &ledger) == [
                "stack-grow stack 65536", "stack-grow stack 65536", "stack-grow stack 65536",
            ])
    }

    @Test("a thread's stack is reserved and then made accessible, but for its guard")
    func thread() {
        var ledger = known()
        #expect(
            told(RecordedCalls.thread, &ledger) == [
                "mmap reserved 8392704", "protect reserved -8388608", "protect anon 8388608",
            ])
    }

    @Test("an exec is one event, and one for each kind")
    func exec() {
        var ledger = known(stack(0x7fff_3d8e_b000, 0x7fff_3d90_c000))
        let all = told(RecordedCalls.exec + "\n" + RecordedCalls.loading, &ledger)
        let expected = [
            "exec", "exec text 172032", "exec rodata 61440", "exec data 24576", "exec vdso 32768",
            "mmap anon 8192", "mmap file 36864",
            // libc, mapped as a whole, then its segments over it; the last is mapped as it was before.
            "mmap file 1974272", "protect file -1400832", "protect text 1400832",
            "munmap file -417792 (unseen)", "mmap file 417792", "protect file 0",
            "munmap file -53248 (unseen)", "mmap anon 53248", "mmap anon 12288",
            // RELRO of libc, of the program, of the loader.
            "protect file 0", "protect data -4096", "protect rodata 4096", "protect data -8192",
            "protect rodata 8192",
        ]
        #expect(all == expected)
        #expect(ledger.group == nil)
    }
}
