import Glibc
import TestSupport
import Testing

@testable import History

/// `MEMWATCH_POWER_CUTS=10000` for many.
@Suite("A power cut takes no tick that was flushed, and tears none", .requiresTool("cc"))
struct PowerCutTests {
    private static let fixture =
        #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/Fixtures/disk-recorder.c"

    /// What a writer that flushed every seventh tick had its disk do, until it was killed.
    private func recorded(ticks: Int) throws -> [DiskRecord] {
        let directory = try TemporaryDirectory()
        let library = directory.file("recorder.so")
        try TestSupport.run("cc", ["-O1", "-shared", "-fPIC", "-o", library, Self.fixture, "-ldl"])
        let scratch = Scratch()
        let log = directory.file("log")
        let child = try CrashChild(
            scratch.path, flushedEvery: 7,
            environment: [
                "LD_PRELOAD=\(library)", "DISK_RECORDER_DIRECTORY=\(scratch.path)",
                "DISK_RECORDER_LOG=\(log)",
            ])
        #expect(child.kill(after: ticks) >= ticks)
        return try DiskRecord.all(in: try readBytes(log, limit: 1 << 30))
    }

    @Test(
        "whatever the disk did of what was written since the last flush, and in whatever order, the history opens, is whole, and has every tick from before it"
    )
    func cuts() throws {
        let count = environmentNumber("MEMWATCH_POWER_CUTS", else: 100)
        let records = try recorded(ticks: 700)
        // The log was put into the database several times, or this says little.
        let moved = records.filter { $0.kind == .flush && $0.name == "history.sqlite" }.count
        #expect(moved >= 2)
        var generator = Seeded(20)
        let points = (0..<count).map { _ in Int.random(in: 0...records.count, using: &generator) }.sorted()
        var disk = SimulatedDisk()
        var (position, acknowledged, flushed) = (0, UInt64(0), UInt64(0))
        var (lost, mostLost) = (0, UInt64(0))
        for point in points {
            for record in records[position..<point] {
                disk.apply(record)
                if record.kind == .acknowledge { acknowledged = record.number }
                if record.kind == .flush, record.name == "history.sqlite-wal" { flushed = acknowledged }
            }
            position = point
            let scratch = Scratch()
            // The index in shared memory does not outlive the machine, nor the lock.
            for (name, content) in disk.cut(using: &generator) where name.hasPrefix("history.sqlite") {
                if !name.hasSuffix("-shm") { writeFile(scratch.path + "/" + name, content) }
            }
            let last = try CrashedHistory.lastTick(in: scratch, since: flushed)
            #expect(
                flushed <= last && last <= acknowledged + 1,
                "at \(point): \(last), flushed \(flushed), acknowledged \(acknowledged)")
            if last < acknowledged { lost += 1 }
            mostLost = max(mostLost, acknowledged - min(last, acknowledged))
        }
        // A disk that kept everything would prove nothing.
        #expect(lost > 0)
        print(
            "\(count) power cuts in \(records.count) operations, \(moved) checkpoints: \(lost) took ticks that were "
                + "not flushed, at most \(mostLost)")
    }
}
