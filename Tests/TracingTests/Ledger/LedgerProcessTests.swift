import KernelEvents
import MemoryModel
import Testing

@testable import Tracing

@Suite("What records say of a process as a whole")
struct LedgerProcessTests {
    private typealias Table = LedgerTable

    @Test("an exec is told once, with one event for each kind that differs; what follows is ordinary")
    func exec() {
        var table = Table(region(10, 20, .anon), region(90, 99, .stack))
        table.expect(.exec(comm: Array("true".utf8)), tells: [])
        table.expect(
            Table.mapping(95, 99, [.read, .write], .stack),
            Table.mapping(1, 6, [.read], Table.library, inode: 9),
            Table.mapping(2, 4, [.read, .execute], Table.library, inode: 9, offset: 1), tells: [])
        #expect(table.ledger.group != nil)
        table.expect(
            Table.mapping(60, 62, [.read, .execute], .kernel(Array("[vdso]".utf8))),
            Table.mapping(56, 60, [.read], .kernel(Array("[vvar]".utf8))), tells: [])
        table.expect(
            // More than 1 GiB behind the program, so it is not the heap.
            Table.mapping(300_000, 300_002),
            tells: [
                "exec → 15", "exec text +2 → 2", "exec rodata +3 → 3", "exec stack -5 → 4",
                "exec anon -10 → 0",
                "exec vdso +6 → 6", "mmap anon +2 300000-300002 → 2",
            ])
        #expect(table.events.dropLast().allSatisfy { $0.nanoseconds == 110 })
        #expect(table.events.first?.comm == Array("true".utf8))
    }

    @Test("the first growth behind a program that nobody has looked at is its heap")
    func heapOfUnseenProgram() {
        var table = Table(region(10, 20, .anon))
        table.expect(
            .exec(comm: []), Table.mapping(1, 6, [.read, .execute], Table.library, inode: 9),
            Table.mapping(60, 62, [.read, .execute], .kernel(Array("[vdso]".utf8))), tells: [])
        table.expect(
            Table.mapping(30, 32),
            tells: [
                "exec → 7", "exec text +5 → 5", "exec anon -10 → 0", "exec vdso +2 → 2",
                "brk-grow heap +2 30-32 → 2",
            ])
    }

    @Test("what was mapped again at the beginning of an area that was cut is the part up to the next birth")
    func rebornAtTheCut() {
        var table = Table(region(90, 99, .anon))
        table.expect(Table.mapping(20, 99), tells: ["mmap anon +70 20-90 → 79"])
        table.expect(
            Table.mapping(80, 99), tells: ["munmap anon -10 80-90 → 69 (unseen)", "mmap anon +10 80-90 → 19"])
    }

    @Test("a look in the middle of an exec completes it")
    func execSettled() {
        var table = Table(region(10, 20, .anon))
        table.expect(.exec(comm: []), Table.mapping(95, 99, [.read, .write], .stack), tells: [])
        table.settles(
            region(30, 31, .text, [.read, .execute], inode: 9), region(95, 99, .stack),
            tells: ["exec → 5", "exec text +1 → 1", "exec stack +4 → 4", "exec anon -10 → 0"])
        #expect(table.events.allSatisfy { $0.source == .perf && $0.nanoseconds == 110 })
    }

    @Test("an exec that no record told of is told by the look, and one that was told is not told twice")
    func execLost() {
        var table = Table(region(10, 20, .anon))
        let new = region(30, 31, .text, [.read, .execute], inode: 9)
        #expect(
            table.ledger.settle(with: [new], at: 300, isNewImage: true).map(\.inPages)
                == ["exec → 1 (unseen)", "exec text +1 → 1 (unseen)", "exec anon -10 → 0 (unseen)"])
        table.expect(
            .exec(comm: []), Table.mapping(5, 6, [.read], .kernel(Array("[vdso]".utf8))), Table.mapping(7, 8),
            tells: ["exec → 1", "exec text -1 → 0", "exec vdso +1 → 1", "mmap anon +1 7-8 → 1"])
        #expect(
            table.ledger.settle(
                with: [region(5, 6, .vdso, [.read]), region(7, 8, .anon)], at: 400, isNewImage: true) == [])
    }

    @Test("a process that ends during its exec has its exec told")
    func execAndExit() {
        var table = Table(region(10, 20, .anon))
        table.expect(
            .exec(comm: []), Table.mapping(95, 99, [.read, .write], .stack), .exit(isLeader: true),
            tells: ["exec → 4", "exec stack +4 → 4", "exec anon -10 → 0"])
    }

    @Test("a gap is an event of its own, and what was missed is found by the next look")
    func gap() {
        var table = Table(region(10, 12, .anon))
        table.expect(.gap(count: 5), tells: ["gap ×5"])
        table.settles(
            region(10, 12, .anon), region(20, 22, .anon), tells: ["mmap anon +2 20-22 → 2 (unseen)"])
        #expect(table.events.first?.notBefore == 100)
    }

    @Test("a fork is told, and the child's beginning is kept as it was at that moment")
    func fork() {
        var table = Table(region(10, 12, .anon))
        table.context.keepsForks = true
        table.expect(
            Table.mapping(20, 21), .fork(child: 44), Table.mapping(30, 31),
            tells: ["mmap anon +1 20-21 → 1", "fork → 3", "mmap anon +1 30-31 → 1"])
        #expect(table.events[1].child == 44)
        let forks = table.ledger.takeForks()
        #expect(forks.map(\.child) == [44])
        #expect(forks.first?.ledger.regions.map(\.start) == [10 * page, 20 * page])
        // The parent had unmapped something before that nobody saw.
        var child = Table()
        child.ledger = forks.first?.ledger ?? Ledger()
        child.expect(Table.mapping(40, 43), tells: ["mmap anon +3 40-43 → 3"])
        child.settles(region(10, 12, .anon), region(40, 43, .anon), tells: [])
        #expect(
            child.ledger.baselineCorrection[.anon] == -4096 && child.ledger.baselineCorrection.total == -4096)
        #expect(table.ledger.takeForks().isEmpty)
    }

    @Test("a summary is one event for each type and kind, with everything added up")
    func summary() {
        var table = Table(region(1, 2, .anon))
        table.expect(
            Table.mapping(10, 12), Table.mapping(20, 23), Table.mapping(20, 23), Table.mapping(5, 6, []),
            tells: [
                "mmap anon +2 10-12 → 2", "mmap anon +3 20-23 → 3", "munmap anon -3 20-23 → 0 (unseen)",
                "mmap anon +3 20-23 → 3", "mmap reserved +1 5-6 → 1",
            ])
        let told = Ledger.summarise(table.events)
        #expect(
            told.map(\.inPages) == [
                "mmap anon +8 10-23 → 3 ×3", "munmap anon -3 20-23 → 0 (unseen)", "mmap reserved +1 5-6 → 1",
            ])
        #expect(told.first?.nanoseconds == 130 && told.first?.notBefore == 110 && told.first?.tid == 7)
    }
}
