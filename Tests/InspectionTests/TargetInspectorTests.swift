import Inspection
import MemoryModel
import ProcFS
import TestSupport
import Testing

@Suite("Looking again and again at one process")
struct TargetInspectorTests {
    private func inspector(_ pid: Int32) throws -> TargetInspector {
        TargetInspector(directory: try ProcRoot().open(pid: pid), images: DirectImageSource())
    }

    private func names(_ inspector: TargetInspector) -> [String] {
        inspector.regions.map { String(decoding: inspector.paths.bytes(of: $0.path), as: UTF8.self) }
    }

    @Test("a look at a process that did nothing finds the same map, and says nothing changed")
    func unchanged() throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        var inspector = try inspector(memgrow.pid)
        let first = try inspector.look(at: .now)
        #expect(first.isAccepted && !first.isNewImage)
        #expect(first.previous?.isEmpty == true)
        let regions = inspector.regions
        for _ in 0..<20 {
            let again = try inspector.look(at: .now)
            #expect(again.isAccepted && again.previous == nil && !again.isNewImage)
            #expect(inspector.regions == regions)
        }
        _ = try memgrow.step()
        let grown = try inspector.look(at: .now)
        #expect(grown.previous == regions)
        #expect(inspector.totals[.heap] == KindTotals(of: regions)[.heap] + 65_536)
    }

    @Test("a program that replaces itself is a new image, once, and its map is its own")
    func exec() throws {
        let child = try ChildProcess("sh", ["-c", "echo ready; read line; exec cat"])
        #expect(try child.nextLine() == "ready")
        var inspector = try inspector(child.pid)
        #expect(try !inspector.look(at: .now).isNewImage)
        try child.send("\n")
        try child.send("echo\n")
        // What cat gives back, it gives back after the exec.
        #expect(try child.nextLine() == "echo")
        let outcome = try inspector.look(at: .now)
        #expect(outcome.isNewImage && outcome.isAccepted && outcome.previous != nil)
        #expect(names(inspector).contains { $0.hasSuffix("/cat") })
        #expect(!names(inspector).contains { $0.hasSuffix("sh") })
        #expect(inspector.totals.total == outcome.sample.vmSizeBytes)
        #expect(try !inspector.look(at: .now).isNewImage)
    }

    @Test("a fork is no new image")
    func fork() throws {
        let child = try ChildProcess("sh", ["-c", "echo ready; read line; (:); echo done; read line"])
        #expect(try child.nextLine() == "ready")
        var inspector = try inspector(child.pid)
        _ = try inspector.look(at: .now)
        try child.send("\n")
        #expect(try child.nextLine() == "done")
        #expect(try !inspector.look(at: .now).isNewImage)
    }

    /// Maps `count` files of different names over and over, 600 names a round or three.
    private static let manyNames = """
        import mmap, os, shutil, sys, tempfile
        directory = tempfile.mkdtemp()
        try:
            kept = os.path.join(directory, "kept")
            file = open(kept, "w+b")
            file.write(b"x" * 4096)
            file.flush()
            keep = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
            views, round = [], 0
            while True:
                print(kept, len(views), flush=True)
                if not sys.stdin.readline(): break
                views = []
                for index in range(600 if round % 2 == 0 else 3):
                    path = os.path.join(directory, "%d-%d" % (round, index))
                    with open(path, "w+b") as file:
                        file.write(b"x" * 4096)
                        file.flush()
                        views.append(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
                    os.unlink(path)
                round += 1
        finally:
            shutil.rmtree(directory)
        """

    @Test(
        "thousands of names come and go; each region keeps its own, and the table does not remember all",
        .requiresTool("python3"))
    func names() throws {
        let child = try ChildProcess("python3", ["-c", Self.manyNames])
        var inspector = try inspector(child.pid)
        var compactions = 0
        for round in 0..<13 {
            let words = try #require(try child.nextLine()).split(separator: " ")
            let before = inspector.paths.count
            let outcome = try inspector.look(at: .now)
            #expect(outcome.isAccepted)
            if inspector.paths.count < before { compactions += 1 }
            let names = names(inspector)
            #expect(names.count { $0 == words[0] } == 1)
            if round > 0 {
                let directory = words[0].dropLast("kept".count)
                let expected = Int(words[1]) ?? -1
                #expect(names.count { $0.hasPrefix("\(directory)\(round - 1)-") } == expected)
            }
            #expect(names.filter { $0.hasPrefix("/tmp/") && $0.contains("-") }.count <= 601)
            // The map before has its names in the same table, so that the two can be compared.
            if let previous = outcome.previous {
                for region in previous where region.inode != 0 {
                    #expect(!inspector.paths.bytes(of: region.path).isEmpty)
                }
            }
            try child.send("\n")
        }
        #expect(compactions > 0)
        #expect(inspector.paths.count < 2_500)
        child.closeInput()
        _ = try child.remainingOutput()
        try child.waitForExit()
    }

    @Test("what was remembered is compared with, under its own names, however many they are")
    func resume() throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        var first = try inspector(memgrow.pid)
        _ = try first.look(at: .now)
        // A process that had mapped two thousand files before the daemon went away.
        var remembered = first.regions.map { ($0, Array(first.paths.bytes(of: $0.path))) }
        for index in 0..<2_000 {
            let start = 0x1000_0000 + UInt64(index) * 0x2000
            let region = Region(
                start: start, end: start + 0x1000, permissions: [.read], offset: 0,
                device: DeviceNumber(major: 8, minor: 1), inode: UInt64(index) + 1, path: .none, kind: .file)
            remembered.append((region, Array("/data/\(index)".utf8)))
        }
        remembered.sort { $0.0.start < $1.0.start }
        var second = try inspector(memgrow.pid)
        second.resume(from: remembered.map { (region: $0.0, path: $0.1) })
        let outcome = try second.look(at: .now)
        let previous = try #require(outcome.previous)
        #expect(previous.count == remembered.count)
        for (region, entry) in zip(previous, remembered) {
            #expect(second.paths.bytes(of: region.path).elementsEqual(entry.1))
        }
        #expect(!outcome.isNewImage)
        // Now the names that no area has any more may go; those of the map stay.
        _ = try memgrow.step()
        _ = try second.look(at: .now)
        #expect(names(second).contains { $0.hasSuffix("/memgrow") })
    }

    @Test("a process that ends is gone at the next look, and what was known stays")
    func ending() throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        var inspector = try inspector(memgrow.pid)
        _ = try inspector.look(at: .now)
        let regions = inspector.regions
        memgrow.process.signal(9)
        try memgrow.process.waitForExit()
        #expect(throws: ProcError.gone(pid: memgrow.pid)) { try inspector.look(at: .now) }
        #expect(inspector.regions == regions)
    }
}
