import Glibc
import MemoryModel
import Testing

@testable import History

@Suite("Opening finds out whose file it is")
struct OpeningTests {
    private func filled(_ scratch: Scratch, looks: Int = 300) throws {
        let store = try scratch.open()
        let id = try store.register(description(), attached: morning, reader: nil)
        var previous: HistoryRegion?
        for step in 0..<looks {
            let time = morning.advanced(bySeconds: Double(step))
            let heap = region(0x5581_2345_6000, pages: 33 + UInt64(step), .heap, path: "[heap]")
            var event = MemoryEvent(time: time, pid: 812, comm: Array("postgres".utf8), type: .brkGrow)
            event.delta = 4096
            let entry = HistoryEntry(
                process: id, time: time, sample: sample(time, heapPages: 33 + UInt64(step)),
                died: previous.map { [$0] } ?? [], born: [heap], events: [event])
            try store.write(HistoryBatch(entries: [entry]))
            previous = heap
        }
        store.close()
    }

    private func error(_ scratch: Scratch) -> HistoryError? {
        do {
            _ = try scratch.open()
            return nil
        } catch {
            return error as? HistoryError
        }
    }

    @Test("a new database carries our mark and is for its owner only, whatever the umask")
    func fresh() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        #expect(sqlite3(scratch.database, "PRAGMA application_id") == "1835363703")
        #expect(sqlite3(scratch.database, "PRAGMA auto_vacuum; PRAGMA journal_mode") == "2\nwal")
        for name in scratch.names {
            var info = stat()
            #expect(lstat(scratch.path + "/" + name, &info) == 0)
            #expect(info.st_mode & 0o777 == 0o600, "\(name)")
        }
        store.close()
        #expect(scratch.names == ["history.lock", "history.sqlite"])
    }

    @Test("a missing or read-only state directory is named, with what to do")
    func directories() {
        var configuration = HistoryConfiguration(directory: "/nonexistent/memwatch/")
        #expect {
            _ = try HistoryStore.open(configuration)
        } throws: {
            "\($0)"
                == "there is no directory /nonexistent/memwatch for the history; create it, or name another with --state-directory"
        }
        // Nobody, root included, creates files in /sys.
        configuration.directory = "/sys/kernel"
        #expect {
            _ = try HistoryStore.open(configuration)
        } throws: {
            guard case HistoryError.notWritable(let path, _) = $0 else { return false }
            return path == "/sys/kernel/history.lock"
        }
    }

    @Test("a second daemon on the same history is refused and told who has it")
    func locked() throws {
        let scratch = Scratch()
        let store = try scratch.open()
        #expect(error(scratch) == .locked(path: scratch.path + "/history.lock", byPid: getpid()))
        store.close()
        #expect(error(scratch) == nil)
    }

    @Test(
        "a symbolic link is refused and its target untouched",
        arguments: [
            "history.sqlite", "history.sqlite-wal", "history.sqlite-shm", "history.sqlite-journal",
            "history.lock",
        ])
    func links(name: String) throws {
        let scratch = Scratch()
        let elsewhere = Scratch()
        let victim = elsewhere.path + "/victim"
        writeFile(victim, Array("precious".utf8))
        if name != "history.sqlite" { try filled(scratch, looks: 3) }
        unlink(scratch.path + "/" + name)
        #expect(symlink(victim, scratch.path + "/" + name) == 0)
        #expect(error(scratch) == .symlink(path: scratch.path + "/" + name))
        #expect(readFile(victim) == Array("precious".utf8))
    }

    @Test("a symbolic link as state directory is refused")
    func linkedDirectory() {
        let real = Scratch()
        let other = Scratch()
        let link = other.path + "/state"
        #expect(symlink(real.path, link) == 0)
        #expect(throws: HistoryError.symlink(path: link)) {
            _ = try HistoryStore.open(HistoryConfiguration(directory: link))
        }
        #expect(real.names.isEmpty)
    }

    @Test("a directory in the database's place is refused")
    func directoryInPlace() {
        let scratch = Scratch()
        #expect(mkdir(scratch.database, 0o700) == 0)
        #expect(error(scratch) == .notAFile(path: scratch.database))
        rmdir(scratch.database)
    }

    @Test("another program's database is refused and not a byte of it changed")
    func foreign() throws {
        let scratch = Scratch()
        #expect(
            sqlite3(scratch.database, "CREATE TABLE recipes (name); INSERT INTO recipes VALUES ('soup')")
                == "")
        let before = readFile(scratch.database)
        #expect(error(scratch) == .foreignDatabase(path: scratch.database))
        #expect(isSame(readFile(scratch.database), before))
        #expect(scratch.names == ["history.lock", "history.sqlite"])
    }

    @Test("a newer schema is refused by name and not a byte of it changed")
    func newer() throws {
        let scratch = Scratch()
        try filled(scratch, looks: 10)
        #expect(
            sqlite3(scratch.database, "INSERT INTO grdb_migrations VALUES ('2031-02 from the future')") == "")
        let before = readFile(scratch.database)
        #expect(error(scratch) == .newerSchema(path: scratch.database, found: "2031-02 from the future"))
        #expect(isSame(readFile(scratch.database), before))
    }

    @Test("a file that is no database at all is renamed, said, and a new history begun")
    func garbage() throws {
        let scratch = Scratch()
        let bytes = [UInt8](repeating: 0x5a, count: 5000)
        writeFile(scratch.database, bytes)
        let (store, notes) = try HistoryStore.open(
            HistoryConfiguration(directory: scratch.path, ballastBytes: 0))
        guard case .setAside(let from, let to, _) = notes.first, notes.count == 1 else {
            Issue.record("\(notes)")
            return
        }
        #expect(from == scratch.database)
        #expect(to.hasPrefix(scratch.database + ".corrupt-2"))
        #expect(isSame(readFile(to), bytes))
        #expect(try store.processes().isEmpty)
        store.close()
        // Once.
        let (again, none) = try HistoryStore.open(
            HistoryConfiguration(directory: scratch.path, ballastBytes: 0))
        #expect(none.isEmpty)
        again.close()
    }

    @Test("a damaged mark does not make our own database foreign")
    func damagedMark() throws {
        let scratch = Scratch()
        try filled(scratch)
        var bytes = readFile(scratch.database)
        bytes[70] ^= 0x40
        writeFile(scratch.database, bytes)
        let (store, notes) = try HistoryStore.open(
            HistoryConfiguration(directory: scratch.path, ballastBytes: 0))
        #expect(notes.count == 1)
        store.close()
    }

    @Test("sixty random damages: each is set aside whole, or does no harm")
    func damages() throws {
        let original: [UInt8]
        do {
            let scratch = Scratch()
            try filled(scratch, looks: 600)
            original = readFile(scratch.database)
        }
        #expect(original.count > 100_000)
        var generator = SeededGenerator(seed: 42)
        var setAside = 0
        var foundLater = 0
        for _ in 0..<60 {
            var bytes = original
            let length = [1, 16, 200, 4096, 20_000].randomElement(using: &generator) ?? 1
            let offset = Int.random(in: 0..<(bytes.count - length), using: &generator)
            for index in offset..<offset + length {
                bytes[index] = UInt8.random(in: 0...255, using: &generator)
            }
            let scratch = Scratch()
            writeFile(scratch.database, bytes)
            let (store, notes) = try HistoryStore.open(
                HistoryConfiguration(directory: scratch.path, ballastBytes: 0))
            if case .setAside(_, let to, _) = notes.first {
                setAside += 1
                #expect(isSame(readFile(to), bytes))
            }
            do {
                for process in try store.processes() {
                    _ = try store.allSamples(process.id)
                    _ = try store.allEvents(process.id)
                    _ = try store.openRegions(of: process.id)
                    _ = try store.regions(of: process.id, at: morning.advanced(bySeconds: 100))
                }
                let id = try store.register(description(pid: 3, start: 3), attached: morning, reader: nil)
                try store.write(
                    HistoryBatch(entries: [HistoryEntry(process: id, time: morning, sample: sample(morning))])
                )
            } catch {
                foundLater += 1
                if case HistoryError.corrupt = error { #expect(scratch.names.contains("history.suspect")) }
            }
            store.close()
        }
        print("60 damages: \(setAside) set aside at opening, \(foundLater) found while running")
        #expect(setAside >= 25)
    }

    @Test("an opening killed after creating the empty file goes on")
    func emptyFile() throws {
        let scratch = Scratch()
        writeFile(scratch.database, [])
        writeFile(scratch.database + ".new", [1, 2, 3])
        let store = try scratch.open()
        #expect(try store.processes().isEmpty)
        store.close()
    }
}

/// Not `==` in an expectation: the difference of two large files takes minutes to print.
private func isSame(_ a: [UInt8], _ b: [UInt8]) -> Bool { a == b }

/// The same numbers in every run. SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
