import Inspection
import MemoryModel
import TestSupport
import Testing

@Suite("The zoo, through the product's own readers")
struct ZooTests {
    @Test(
        "every region memgrow made is of its kind on all bytes, and each stack is its thread's",
        arguments: [[], ["setarch", "-R"], ["setarch", "-L"]])
    func everyKind(wrapper: [String]) throws {
        let memgrow = try Memgrow("zoo", "--hold", "--count", "6", through: wrapper)
        let lines = try memgrow.linesUntilDone().filter { $0.event == "region" }
        let look = try settledLook(pid: memgrow.pid)
        #expect(mistake(look) == nil)
        for line in lines {
            if let mistake = try lineMistake(look, line) { Issue.record("\(mistake)") }
        }
        let made = Set(lines.compactMap(\.kind))
        for kind in RegionKind.allCases { #expect(made.contains(kind.name), "the zoo has no \(kind)") }
        #expect(lines.contains { $0.tid != nil && $0.tid != 0 })
    }

    /// What is wrong with the bytes of one line.
    private func lineMistake(_ look: ProcessInspection, _ line: Memgrow.Line) throws -> String? {
        let start = try #require(line.start)
        let end = try #require(line.end)
        var position = start
        for region in look.regions where region.end > start && region.start < end {
            guard region.start <= position else { break }
            guard region.kind.name == line.kind, region.tid == line.tid ?? 0 else {
                return
                    "\(region.kind) of thread \(region.tid) at 0x\(String(region.start, radix: 16)): \(line)"
            }
            position = region.end
        }
        return position >= end ? nil : "nothing at 0x\(String(position, radix: 16)): \(line)"
    }

    @Test("the whole history of a stack, a heap and mappings is told by the sample too")
    func sampleFields() throws {
        let memgrow = try Memgrow("sbrk", "--keep", "--hold", "--count", "3", "--size", "1MiB")
        let lines = try memgrow.linesUntilDone()
        let look = try settledLook(pid: memgrow.pid)
        #expect(look.sample.pid == memgrow.pid)
        #expect(look.sample.isConsistent && !look.isTruncated)
        #expect(look.sample.programBreak == lines.last?.end)
        #expect(look.sample.threads == 1)
        let status = try statusFields(memgrow.pid)
        #expect(look.sample.vmSizeBytes == status["VmSize"])
        #expect(look.sample.rssBytes == status["VmRSS"])
        #expect(look.sample.rssAnonBytes == status["RssAnon"])
        #expect(look.sample.rssFileBytes == status["RssFile"])
        #expect(look.sample.rssShmemBytes == status["RssShmem"])
        #expect(look.sample.swapBytes == status["VmSwap"])
        #expect(look.sample.pageTablesBytes == status["VmPTE"])
    }

    /// `VmSize:     2304 kB` and its like, in bytes.
    private func statusFields(_ pid: Int32) throws -> [String: UInt64] {
        var fields: [String: UInt64] = [:]
        for line in try readText("/proc/\(pid)/status").split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == ":" }
            if words.count == 3, words[2] == "kB", let number = UInt64(words[1]) {
                fields[String(words[0])] = number * 1024
            }
        }
        return fields
    }
}
