import Glibc
import TestSupport
import Testing

/// What the fuzzers have found, run once more in every test run without a fuzzer.
@Suite("Whatever bytes a stranger chooses", .timeLimit(.minutes(10)))
struct CorpusTests {
    @Test("what the fuzzers kept is read as it should be", arguments: FuzzTarget.allCases)
    func corpus(_ target: FuzzTarget) throws {
        let inputs = try Corpus.inputs(of: target)
        var (taken, refused) = (0, 0)
        for (name, bytes) in inputs {
            do {
                if try onHeap(bytes, target.check) { taken += 1 } else { refused += 1 }
            } catch {
                Issue.record("\(target.rawValue)/\(name): \(error)")
            }
        }
        // Else a corpus of nothing but refusals, or an empty one, would pass.
        #expect(taken > 0 && refused > 0, "\(inputs.count) inputs, \(taken) taken")
    }

    @Test("what a fuzzer once broke stays mended", arguments: FuzzTarget.allCases)
    func crashes(_ target: FuzzTarget) throws {
        for (name, bytes) in try Corpus.crashes(of: target) {
            do { _ = try onHeap(bytes, target.check) } catch { Issue.record("\(name): \(error)") }
        }
    }

    /// The fuzzers follow the program's branches; this cannot, but runs wherever the tests do.
    @Test("mutations of what the fuzzers kept are read as they should be", arguments: FuzzTarget.allCases)
    func mutations(_ target: FuzzTarget) throws {
        let seeds = try Corpus.inputs(of: target).map(\.bytes)
        var random = Seeded(20_261_123)
        var (taken, refused, violations) = (0, 0, 0)
        for _ in 0..<Corpus.mutations {
            let bytes = Mutation.mutated(seeds, upTo: target.maximumBytes, using: &random)
            do {
                if try onHeap(bytes, target.check) { taken += 1 } else { refused += 1 }
            } catch {
                violations += 1
                if violations < 5 { Issue.record("\(bytes): \(error)") }
            }
        }
        #expect(violations == 0)
        #expect(taken > 0 && refused > 0, "\(taken) taken, \(refused) refused")
    }

    @Test("an oracle that is lied to says so")
    func oraclesAreAwake() throws {
        // Each compares with a reading of its own: what the product refuses there must be refused here.
        #expect(try onHeap(Array("1000-2000 r--p 0 0:0 0 \n".utf8), FuzzTarget.maps.check))
        #expect(try !onHeap(Array("1000-2000 r--p 0 0:0\n".utf8), FuzzTarget.maps.check))
        #expect(try !onHeap(Array("VmRSS:\t12x kB\nUid:\t1 2 3\n".utf8), FuzzTarget.status.check))
        #expect(try onHeap(Array(#"{"method":"a.B"}"#.utf8), FuzzTarget.varlink.check))
        #expect(throws: Violation.self) { try mustHold(false, "nothing") }
    }

    /// In a heap block of its size, so that a sanitizer sees any step outside.
    private func onHeap(
        _ bytes: [UInt8], _ check: (UnsafeRawBufferPointer) throws(Violation) -> Bool
    ) throws(Violation) -> Bool {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { block.deallocate() }
        block.copyBytes(from: bytes)
        return try check(UnsafeRawBufferPointer(block))
    }
}
