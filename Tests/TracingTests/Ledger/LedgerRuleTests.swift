import KernelEvents
import MemoryModel
import Testing

@testable import Tracing

@Suite("What a record says against what was known")
struct LedgerRuleTests {
    private typealias Table = LedgerTable

    @Test("of an unknown map nothing is told, and the first look gives no events")
    func unknown() {
        var table = Table.unknown
        table.expect(Table.mapping(10, 12), tells: [])
        table.settles(region(10, 12, .anon), tells: [])
        table.expect(Table.mapping(8, 12), tells: ["mmap anon +2 8-10 → 4"])
    }

    @Test("the record is the whole merged area; the birth is what is new of it")
    func birth() {
        var table = Table(region(10, 12, .anon))
        table.expect(Table.mapping(7, 12), tells: ["mmap anon +3 7-10 → 5"])
        table.expect(Table.mapping(20, 21, []), tells: ["mmap reserved +1 20-21 → 1"])
        table.expect(Table.mapping(30, 31, [.read, .execute]), tells: ["mmap jit +1 30-31 → 1"])
        #expect(table.events.first?.nanoseconds == table.now)
        #expect(table.ledger.regions.count == 3)
    }

    @Test("a record that fills two holes tells of both")
    func holes() {
        var table = Table(region(10, 12, .anon))
        table.expect(Table.mapping(8, 14), tells: ["mmap anon +2 8-10 → 6", "mmap anon +2 12-14 → 6"])
    }

    // MARK: The break

    @Test("the first growth of an empty heap has no name, and is known by its place")
    func firstGrowth() {
        var table = Table(region(1, 4, .text, [.read, .execute], inode: 9), startBrk: 20)
        table.expect(Table.mapping(20, 21), tells: ["brk-grow heap +1 20-21 → 1"])
        table.expect(Table.mapping(20, 24, name: .heap), tells: ["brk-grow heap +3 21-24 → 4"])
        // Not merged with the part that mprotect has cut off: nameless, but at the break.
        table.expect(Table.mapping(23, 24, [.read], name: .heap), tells: ["protect heap 0 23-24 → 1"])
        table.expect(Table.mapping(24, 26), tells: ["brk-grow heap +2 24-26 → 6"])
    }

    @Test("a break that was lowered unseen and raised again is a shrink and a growth")
    func breakRaisedAgain() {
        var table = Table(region(20, 24, .heap), startBrk: 20)
        table.expect(Table.mapping(20, 26, name: .heap), tells: ["brk-grow heap +2 24-26 → 6"])
        table.expect(Table.mapping(20, 27, name: .heap), tells: ["brk-grow heap +1 26-27 → 7"])
        // Back to where it was: at least the youngest growth.
        table.expect(
            Table.mapping(20, 27, name: .heap),
            tells: ["brk-shrink heap -1 26-27 → 6 (unseen)", "brk-grow heap +1 26-27 → 7"])
        #expect(table.events.first?.notBefore == table.now - 10)
        // To below: everything above is gone.
        table.expect(
            Table.mapping(20, 25, name: .heap),
            tells: ["brk-shrink heap -3 24-27 → 4 (unseen)", "brk-grow heap +1 24-25 → 5"])
        // Into what was there from the beginning: one page is the least.
        table.expect(
            Table.mapping(20, 23, name: .heap),
            tells: ["brk-shrink heap -3 22-25 → 2 (unseen)", "brk-grow heap +1 22-23 → 3"])
        table.settles(region(20, 23, .heap), tells: [])
    }

    @Test("the stack's growth is a stack-grow")
    func stack() {
        var table = Table(region(90, 99, .stack))
        table.expect(
            Table.mapping(80, 99, [.read, .write], .stack, offset: 9999),
            tells: ["stack-grow stack +10 80-90 → 19"])
    }

    // MARK: Protection and replacement

    @Test("other permissions are a protect, with both kinds where the kind changes")
    func protect() {
        var table = Table(region(10, 20, .anon))
        table.expect(Table.mapping(12, 14, [.read]), tells: ["protect anon 0 12-14 → 2"])
        table.expect(
            Table.mapping(16, 20, []), tells: ["protect anon -4 16-20 → 2", "protect reserved +4 16-20 → 4"])
        table.expect(Table.mapping(10, 16), tells: ["protect anon 0 12-14 → 6"])
        table.settles(region(10, 16, .anon), region(16, 20, .reserved, []), tells: [])
    }

    @Test("memory of another origin in the same place: the old is gone by then, the new is born")
    func replaced() {
        var table = Table(region(10, 20, .file, [.read], inode: 5, path: 1))
        table.expect(
            Table.mapping(12, 15), tells: ["munmap file -3 12-15 → 7 (unseen)", "mmap anon +3 12-15 → 3"])
        #expect(table.events.first?.notBefore == 100)
        // What is new beside it is of the same birth.
        table.expect(
            Table.mapping(18, 22, [.read], Table.library, inode: 77),
            tells: ["munmap file -2 18-20 → 3 (unseen)", "mmap file +4 18-22 → 4"])
        table.settles(
            region(10, 12, .file, [.read], inode: 5, path: 1), region(12, 15, .anon),
            region(15, 18, .file, [.read], inode: 5, offset: 5, path: 1),
            region(18, 22, .file, [.read], inode: 77, path: 1), tells: [])
    }

    // MARK: Gone and back

    @Test("memory that came back unseen: the youngest birth in the area went and came back")
    func rebirth() {
        var table = Table(region(20, 30, .anon))
        table.expect(Table.mapping(16, 30), tells: ["mmap anon +4 16-20 → 14"])
        table.expect(Table.mapping(14, 30), tells: ["mmap anon +2 14-16 → 16"])
        let born = table.now
        table.expect(
            Table.mapping(14, 30), tells: ["munmap anon -2 14-16 → 14 (unseen)", "mmap anon +2 14-16 → 16"])
        #expect(table.events.first?.notBefore == born)
        // A look in between does not make the births one.
        table.settles(region(14, 30, .anon), tells: [])
        table.expect(
            Table.mapping(14, 30), tells: ["munmap anon -2 14-16 → 14 (unseen)", "mmap anon +2 14-16 → 16"])
        #expect(table.events.first?.notBefore == table.now - 10)
        // A smaller one in its place.
        table.expect(
            Table.mapping(15, 16, name: .anonymous),
            tells: ["munmap anon -1 15-16 → 15 (unseen)", "mmap anon +1 15-16 → 1"])
    }

    @Test("of memory that was always there, the least that the record proves went and came back")
    func rebirthOfOldMemory() {
        var whole = Table(region(20, 30, .anon))
        whole.expect(
            Table.mapping(20, 30), tells: ["munmap anon -1 20-21 → 9 (unseen)", "mmap anon +1 20-21 → 10"])
        // Alone in the middle of what was one area: all of it.
        var middle = Table(region(20, 30, .anon))
        middle.expect(
            Table.mapping(23, 26), tells: ["munmap anon -3 23-26 → 7 (unseen)", "mmap anon +3 23-26 → 3"])
        var upper = Table(region(20, 30, .anon))
        upper.expect(
            Table.mapping(26, 30), tells: ["munmap anon -1 26-27 → 9 (unseen)", "mmap anon +1 26-27 → 4"])
        var lower = Table(region(20, 30, .anon))
        lower.expect(
            Table.mapping(20, 25), tells: ["munmap anon -1 24-25 → 9 (unseen)", "mmap anon +1 24-25 → 5"])
    }

    @Test("a thousand mappings of 10 µs, merged with a neighbour, are a thousand births of the right size")
    func burst() {
        var table = Table(region(1_000, 2_000, .anon))
        var records: [KernelRecord] = []
        for _ in 0..<1_000 { records.append(table.record(Table.mapping(984, 2_000))) }
        let told = table.ledger.apply(records, look: nil, paths: &table.paths, context: table.context)
        let births = told.filter { $0.type == .mmap }
        #expect(births.count == 1_000)
        #expect(births.allSatisfy { $0.delta == 16 * 4096 && $0.start == 984 * page && $0.source == .perf })
        #expect(Set(births.map(\.nanoseconds)).count == 1_000)
        let deaths = told.filter { $0.type == .munmap }
        #expect(deaths.count == 999 && deaths.allSatisfy { $0.delta == -16 * 4096 })
        // Each is gone between its own birth and the next.
        #expect(
            zip(births, deaths).allSatisfy {
                $0.nanoseconds == $1.notBefore && $1.nanoseconds == $0.nanoseconds + 10
            })
        table.settles(region(1_000, 2_000, .anon), tells: ["munmap anon -16 984-1000 → 1000 (unseen)"])
    }

    // MARK: What a look adds

    @Test("what is no longer there at a look was unmapped since it was last known")
    func settling() {
        var table = Table(region(10, 12, .anon), region(20, 22, .anon))
        table.expect(Table.mapping(30, 33), tells: ["mmap anon +3 30-33 → 3"])
        let born = table.now
        table.settles(
            region(10, 12, .anon),
            tells: ["munmap anon -2 20-22 → 0 (unseen)", "munmap anon -3 30-33 → 0 (unseen)"])
        #expect(table.events.map(\.notBefore) == [100, born])
        #expect(table.events.allSatisfy { $0.nanoseconds == table.now })
        // What mremap moved turns up at a look only.
        table.settles(
            region(50, 52, .anon),
            tells: ["munmap anon -2 10-12 → 0 (unseen)", "mmap anon +2 50-52 → 2 (unseen)"])
    }

    @Test("births take kind, name and thread from the look where it shows them")
    func kindsFromLook() {
        var table = Table(region(1, 2, .anon))
        table.expect(
            Table.mapping(10, 19, []), Table.mapping(11, 19),
            look: [
                region(1, 2, .anon), region(10, 11, .guardPages, []), region(11, 19, .threadStack, tid: 55),
            ],
            tells: [
                "mmap reserved +9 10-19 → 9", "protect reserved -8 11-19 → 1",
                "protect thread-stack +8 11-19 → 8",
            ])
        table.settles(
            region(1, 2, .anon), region(10, 11, .guardPages, []), region(11, 19, .threadStack, tid: 55),
            tells: ["resize reserved -1 10-11 → 0 (unseen)", "resize guard +1 10-11 → 1 (unseen)"])
    }

    @Test("a record that the look was too early for waits for the next round")
    func window() {
        var table = Table(region(1, 2, .anon))
        table.context.look = LookWindow(began: 105, ended: 200)
        table.expect(
            Table.mapping(10, 12), Table.mapping(20, 22), Table.mapping(5, 6),
            look: [region(1, 2, .anon), region(20, 22, .anon)], tells: ["mmap anon +2 20-22 → 2"])
        #expect(table.ledger.pendingCount == 2)
        table.settles(region(1, 2, .anon), region(20, 22, .anon), tells: [])
        table.expect(tells: ["mmap anon +2 10-12 → 2", "mmap anon +1 5-6 → 1"])
        #expect(table.events.map(\.nanoseconds) == [110, 130])
    }

    @Test("where the look shows what became of a mapping, it shows the mapping itself")
    func windowWithTraces() {
        var table = Table(region(1, 2, .anon))
        table.context.look = LookWindow(began: 105, ended: 200)
        let look = [region(1, 2, .anon), region(10, 11, .guardPages, []), region(11, 19, .anon)]
        table.expect(
            Table.mapping(10, 19, []), Table.mapping(11, 19), look: look,
            tells: [
                "mmap reserved +9 10-19 → 9", "protect reserved -8 11-19 → 1", "protect anon +8 11-19 → 8",
            ])
        #expect(table.ledger.pendingCount == 0)
    }

    @Test("records of before the look are applied whether it shows them or not, those of after it are not")
    func aroundTheWindow() {
        var table = Table(region(1, 2, .anon))
        table.context.look = LookWindow(began: 115, ended: 119)
        table.expect(
            Table.mapping(10, 12), Table.mapping(20, 22), look: [region(1, 2, .anon), region(20, 22, .anon)],
            tells: ["mmap anon +2 10-12 → 2"])
        #expect(table.ledger.pendingCount == 1)
    }

    // MARK: Files

    @Test("a library on overlayfs has another device, inode and path in maps, and is the same library")
    func overlay() {
        let path = PathTable.one("/merged/lib/libc.so.6")
        var table = Table(
            region(10, 14, .text, [.read, .execute], inode: 500, path: 1),
            region(14, 18, .data, inode: 500, offset: 4, path: 1))
        table.paths = path
        // RELRO: the real file is 3:77 (the look's device is 1).
        table.expect(
            Table.mapping(14, 16, [.read], Table.library, inode: 77, offset: 4, device: 3),
            tells: ["protect data -2 14-16 → 2", "protect rodata +2 14-16 → 2"])
        // Another file at the same place is another file.
        table.expect(
            Table.mapping(
                10, 14, [.read, .execute], .file(Array("/lib/libm.so.6".utf8)), inode: 78, device: 3),
            tells: ["munmap text -4 10-14 → 0 (unseen)", "mmap text +4 10-14 → 4"])
    }

    @Test("a library mapped without a look turns up under its overlay name, and is not replaced by that")
    func overlayLater() {
        var table = Table(region(1, 2, .anon))
        table.expect(
            Table.mapping(10, 18, [.read], Table.library, inode: 77, device: 3),
            tells: ["mmap file +8 10-18 → 8"])
        table.paths = .one("/merged/lib/libc.so.6", after: table.paths)
        let id = table.paths.intern(Array("/merged/lib/libc.so.6".utf8)).rawValue
        let look = region(10, 18, .rodata, [.read], inode: 500, path: id)
        table.expect(look: [region(1, 2, .anon), look], tells: [])
        table.settles(
            region(1, 2, .anon), look,
            tells: ["resize file -8 10-18 → 0 (unseen)", "resize rodata +8 10-18 → 8 (unseen)"])
    }

    @Test(
        "names that are no file's tell the kind",
        arguments: [
            ("/memfd:pool (deleted)", RegionKind.shared), ("/SYSV00000000 (deleted)", .shared),
            ("/dev/zero (deleted)", .shared), ("/dev/shm/x", .shared), ("/anon_hugepage (deleted)", .hugetlb),
            ("/dev/nvidia0", .device), ("anon_inode:[perf_event]", .device), ("/var/lib/data", .file),
        ])
    func fileKinds(name: String, kind: RegionKind) {
        var table = Table(region(1, 2, .anon))
        table.expect(
            Table.mapping(10, 12, [.read, .write, .shared], .file(Array(name.utf8)), inode: 3),
            tells: ["mmap \(kind.name) +2 10-12 → 2"])
    }

    @Test("a newline in a file's name is written as maps writes it")
    func newline() {
        var table = Table(region(1, 2, .anon))
        table.expect(
            Table.mapping(10, 12, [.read], .file(Array("/a\nb".utf8)), inode: 3),
            tells: ["mmap file +2 10-12 → 2"])
        #expect(table.events.first.map { Array(table.paths.bytes(of: $0.path)) } == Array(#"/a\012b"#.utf8))
    }
}
