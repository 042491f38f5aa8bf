import History
import MemoryModel
import MemwatchInterface
import TestSupport
import Testing

@testable import MemwatchDaemon

@Suite("What changed between two maps")
struct MapDifferenceTests {
    private func region(
        _ start: UInt64, _ end: UInt64, _ kind: RegionKind = .anon,
        _ permissions: Permissions = [.read, .write],
        path: String? = nil, offset: UInt64 = 0
    ) -> HistoryRegion {
        HistoryRegion(
            start: start << 12, end: end << 12, permissions: permissions, offset: offset << 12,
            inode: path == nil ? 0 : 7, path: path.map { Array($0.utf8) }, kind: kind)
    }

    /// `grew heap 10-20 +10 of 16 rw-p`, in pages.
    private func words(_ before: [HistoryRegion], _ after: [HistoryRegion]) -> [String] {
        MapDifference(from: before, to: after).changes.map { change in
            let before = change.permsBefore.map { $0 + ">" } ?? ""
            return "\(change.change.rawValue) \(change.kind.name) \(change.start >> 12)-\(change.end >> 12) "
                + "\(change.delta / 4096) of \(change.size >> 12) \(before)\(change.perms)"
                + (change.path.map { " " + $0 } ?? "")
        }
    }

    @Test("a region appears, vanishes, grows at either end, shrinks, and changes its protection")
    func changes() {
        let heap = region(100, 110, .heap)
        #expect(words([], [region(1, 4)]) == ["appeared anon 1-4 3 of 3 rw-p"])
        #expect(words([region(1, 4)], []) == ["vanished anon 1-4 -3 of 0 rw-p"])
        #expect(words([heap], [region(100, 116, .heap)]) == ["grew heap 110-116 6 of 16 rw-p"])
        #expect(words([], [heap]) == ["appeared heap 100-110 10 of 10 rw-p"])
        #expect(words([heap], [region(100, 104, .heap)]) == ["shrank heap 104-110 -6 of 4 rw-p"])
        #expect(words([heap], []) == ["vanished heap 100-110 -10 of 0 rw-p"])
        // The kernel merges new memory with what lies above it.
        #expect(words([region(10, 20)], [region(6, 20)]) == ["grew anon 6-10 4 of 14 rw-p"])
        #expect(
            words([region(10, 20)], [region(10, 14), region(16, 20)]) == ["shrank anon 14-16 -2 of 8 rw-p"])
        #expect(
            words([region(10, 20, .stack)], [region(8, 20, .stack)]) == ["grew stack 8-10 2 of 12 rw-p"])
        #expect(
            words([region(10, 20)], [region(10, 14), region(14, 20, .anon, .read)])
                == ["protected anon 14-20 0 of 6 rw-p>r--p"])
    }

    @Test("memory that counts for another kind is one that shrank and one that grew or appeared")
    func kinds() {
        #expect(
            words([region(10, 20, .reserved, [])], [region(10, 14, .arena), region(14, 20, .reserved, [])])
                == [
                    "protected reserved 10-14 -4 of 6 ---p>rw-p", "protected arena 10-14 4 of 4 ---p>rw-p",
                ])
        #expect(
            words([region(10, 20)], [region(10, 20, .arena)]) == [
                "vanished anon 10-20 -10 of 0 rw-p", "appeared arena 10-20 10 of 10 rw-p",
            ])
    }

    @Test("another file at the same place is a region that vanished and one that appeared")
    func files() {
        let one = region(10, 20, .file, path: "/a")
        var other = region(10, 20, .file, path: "/b")
        other.inode = 8
        #expect(
            words([one], [other]) == [
                "vanished file 10-20 -10 of 0 rw-p /a", "appeared file 10-20 10 of 10 rw-p /b",
            ])
        #expect(words([one], [one]).isEmpty)
    }

    @Test("[vsyscall] is no part of it")
    func vsyscall() {
        let page = HistoryRegion(
            start: 0xffff_ffff_ff60_0000, end: 0xffff_ffff_ff60_1000, permissions: .execute,
            path: Array("[vsyscall]".utf8), kind: .vdso)
        let difference = MapDifference(from: [], to: [region(1, 2), page])
        #expect(difference.changes.count == 1 && difference.kinds.after[.vdso] == 0)
    }

    @Test("of any two maps, the deltas of a kind add up to the change of its total, to the byte")
    func sums() {
        var random = Seeded(11)
        func map() -> [HistoryRegion] {
            var position: UInt64 = 1
            return (0..<Int.random(in: 0...12, using: &random)).map { _ in
                let start = position + UInt64.random(in: 0...2, using: &random)
                position = start + UInt64.random(in: 1...6, using: &random)
                let kind: RegionKind =
                    [.anon, .heap, .stack, .file, .reserved, .arena].randomElement(using: &random) ?? .anon
                let path = kind == .file ? ["/a", "/b"].randomElement(using: &random) : nil
                return region(
                    start, position, kind, Permissions(rawValue: .random(in: 0...3, using: &random)),
                    path: path,
                    offset: start)
            }
        }
        for _ in 0..<20_000 {
            let (before, after) = (map(), map())
            let difference = MapDifference(from: before, to: after)
            for kind in RegionKind.allCases {
                let sum = difference.changes.reduce(into: Int64(0)) { if $1.kind == kind { $0 += $1.delta } }
                let isWhole = sum == difference.kinds.delta(kind)
                #expect(isWhole, "\(kind) \(before) \(after)")
                if !isWhole { return }
            }
            let isNamed = difference.changes.allSatisfy { change in
                switch change.change {
                case .appeared, .grew: change.delta > 0 && change.permsBefore == nil
                case .vanished, .shrank: change.delta < 0 && change.permsBefore == nil
                case .protected: change.permsBefore != nil && change.permsBefore != change.perms
                }
            }
            #expect(isNamed, "\(before) \(after)")
            if !isNamed { return }
        }
    }
}
