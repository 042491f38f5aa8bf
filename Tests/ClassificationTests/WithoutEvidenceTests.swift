import Classification
import MemoryModel
import TestSupport
import Testing

/// What a look by somebody else than root or the process's user still says.
@Suite("With less to go by")
struct WithoutEvidenceTests {
    private func mistakes(
        _ memgrow: Memgrow, except kinds: Set<String> = [], ignoringTid: Bool = false,
        without: (inout LiveProcess) -> Void
    ) throws -> [String] {
        let truths = try memgrow.linesUntilDone().compactMap { Truth($0) }
        var process = try LiveProcess.settled(pid: memgrow.pid)
        without(&process)
        var regions = process.classified()
        expectCover(regions, process.areas)
        #expect(process.classified(previous: regions) == regions)
        return truths.filter { !kinds.contains($0.kind) }.compactMap { truth in
            var truth = truth
            if ignoringTid {
                truth.tid = 0
                for index in regions.indices { regions[index].tid = 0 }
            }
            return truth.mistake(in: regions)
        }
    }

    @Test("denied stack pointers: every thread's stack is found by its shape, without its tid")
    func noStackPointers() throws {
        let memgrow = try Memgrow("zoo", "--hold", "--count", "12")
        let mistakes = try mistakes(memgrow, ignoringTid: true) { process in
            for index in process.evidence.threads.indices {
                process.evidence.threads[index].stackPointer = nil
            }
        }
        #expect(mistakes == [])
    }

    @Test("no thread can be listed: their number is enough")
    func noThreads() throws {
        let mistakes = try mistakes(try Memgrow("zoo", "--hold", "--count", "12"), ignoringTid: true) {
            $0.evidence.threads = []
        }
        #expect(mistakes == [])
    }

    @Test("half the threads run: theirs are found by the others' size")
    func someStackPointers() throws {
        let mistakes = try mistakes(try Memgrow("zoo", "--hold", "--count", "12"), ignoringTid: true) {
            process in
            for index in process.evidence.threads.indices where index % 2 == 0 {
                process.evidence.threads[index].stackPointer = nil
            }
        }
        #expect(mistakes == [])
    }

    @Test("no header can be read: text, rodata, data and where bss begins are still known")
    func noImages() throws {
        // Files that are mapped executable without being images cannot be told from images then.
        let mistakes = try mistakes(try Memgrow("zoo", "--hold"), except: ["file"]) { $0.images = [:] }
        #expect(mistakes == [])
    }

    @Test("start_brk and start_stack read as 0, as another user's do")
    func noAddresses() throws {
        let mistakes = try mistakes(try Memgrow("zoo", "--hold")) {
            $0.evidence.startBrk = nil
            $0.evidence.startStack = nil
        }
        #expect(mistakes == [])
    }

    @Test("nothing is known of filesystems: names decide")
    func noDevices() throws {
        let mistakes = try mistakes(try Memgrow("zoo", "--hold")) {
            $0.evidence.mountTypes = [:]
            $0.evidence.internalDevices = .init()
        }
        #expect(mistakes == [])
    }
}
