import Glibc
import MemoryModel
import TestSupport
import Testing

@testable import History

/// A small tmpfs of its own, as only root may make.
private final class SmallDisk {
    let scratch = Scratch()
    let isMounted: Bool

    init(bytes: Int) {
        isMounted = run("mount -t tmpfs -o size=\(bytes) memwatch-test \(scratch.path)").status == 0
    }

    deinit {
        if isMounted { umount2(scratch.path, Int32(MNT_DETACH)) }
    }

    static let isPossible: Bool = {
        geteuid() == 0 && SmallDisk(bytes: 65_536).isMounted
    }()
}

@Suite("A full disk stops recording and nothing else", .serialized)
struct FullDiskTests {
    private func entry(_ id: HistoryProcessID, _ step: Int) -> HistoryEntry {
        let time = morning.advanced(bySeconds: Double(step))
        return HistoryEntry(
            process: id, time: time,
            sample: sample(time, heapPages: UInt64(step), residentPages: UInt64(step) * 3),
            born: (0..<20).map { region(0x7f00_0000_0000 + UInt64(step * 20 + $0) << 20, pages: 2) })
    }

    @Test(
        "reading goes on, retention can still free room, and recording resumes by itself",
        .requires("tmpfs", SmallDisk.isPossible, "it needs root and a kernel that lets it mount tmpfs"))
    func fullDisk() throws {
        let disk = SmallDisk(bytes: 24 << 20)
        let store = try HistoryStore.open(
            HistoryConfiguration(directory: disk.scratch.path, maximumBytes: 256 << 20, ballastBytes: 2 << 20)
        ).0
        #expect(disk.scratch.names.contains("history.ballast"))
        let id = try store.register(description(), attached: morning, reader: nil)
        var steps = 0
        for step in 0..<500 {
            try store.write(HistoryBatch(entries: [entry(id, step)]))
            steps = step + 1
        }
        // Somebody else fills the disk.
        _ = run("dd if=/dev/zero of=\(disk.scratch.path)/hog bs=64k 2>/dev/null")
        var failures = 0
        for step in steps..<200_000 {
            do {
                try store.write(HistoryBatch(entries: [entry(id, step)]))
                steps = step + 1
            } catch {
                #expect(error == .diskFull(path: disk.scratch.database))
                failures += 1
                if failures == 3 { break }
            }
        }
        #expect(failures == 3)
        // Nothing half written, everything written still readable.
        #expect(try store.allSamples(id).count == steps)
        #expect(try store.openRegions(of: id).count == steps * 20)
        // Deleting needs room too: the ballast gives it.
        let later = morning.advanced(bySeconds: 40 * 86_400)
        let report = try store.runRetention(now: later, budget: RetentionBudget(rows: 200))
        #expect(report.usedBallast)
        #expect(report.removedRows > 0)
        #expect(!disk.scratch.names.contains("history.ballast"))
        // Room again: the next tick is written, and the ballast comes back.
        unlink(disk.scratch.path + "/hog")
        let next = entry(id, 40 * 86_400)
        try store.write(HistoryBatch(entries: [next]))
        #expect(try store.lastSample(of: id, atOrBefore: .distantFuture)?.sample == next.sample)
        for _ in 0..<10_000 where try store.runRetention(now: later).isFinished { break }
        #expect(disk.scratch.names.contains("history.ballast"))
        #expect(sqlite3(disk.scratch.database, "PRAGMA integrity_check") == "ok")
        store.close()
    }

    @Test("the page limit is a full disk of our own making, and retention gets out of it")
    func pageLimit() throws {
        let scratch = Scratch()
        let store = try scratch.open(maximumBytes: 1 << 20)
        let id = try store.register(description(), attached: morning, reader: nil)
        var steps = 0
        while steps < 100_000 {
            do {
                let time = morning.advanced(bySeconds: Double(steps))
                let entry = HistoryEntry(
                    process: id, time: time,
                    events: (0..<200).map { _ in
                        MemoryEvent(time: time, pid: 812, comm: Array("postgres".utf8), type: .mmap)
                    })
                try store.write(HistoryBatch(entries: [entry]))
                steps += 1
            } catch {
                #expect(error == .diskFull(path: scratch.database))
                break
            }
        }
        #expect(try store.allEvents(id).count == steps * 200)
        let now = morning.advanced(bySeconds: Double(steps))
        for _ in 0..<10_000 where try store.runRetention(now: now).isFinished { break }
        let statistics = try store.statistics()
        #expect((statistics.pageCount - statistics.freePages) * 4096 <= 1 << 20)
        try store.write(HistoryBatch(entries: [HistoryEntry(process: id, time: now, sample: sample(now))]))
        store.close()
    }
}
