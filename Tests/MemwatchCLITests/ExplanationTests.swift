import MemoryModel
import MemwatchInterface
import Testing
import Varlink

@testable import MemwatchCLI

@Suite("Growth in words")
struct ExplanationTests {
    /// A look a second; of each kind what the function says.
    private func process(
        looks: Int = 120, _ kinds: [RegionKind: (Int) -> UInt64], pid: Int32 = 812
    ) -> ExplainedProcess {
        let samples = (0..<looks).map { look in
            var sample = Sample(time: Timestamp(seconds: 1_795_401_060 + Int64(look)), pid: pid)
            var totals = KindTotals()
            totals[.text] = 2 << 20
            for (kind, size) in kinds { totals[kind] = size(look) }
            sample.kinds = totals
            sample.vmSizeBytes = totals.total
            sample.rssBytes = totals.total / 2
            sample.stackLimitBytes = 8 << 20
            sample.regionCount = 44
            sample.threads = 3
            sample.isConsistent = true
            return SampleRecord(sample)
        }
        var process = ExplainedProcess(pid: pid, comm: "postgres", samples: samples)
        process.limits.maxMapCount = 65_530
        return process
    }

    private let mebibyte: UInt64 = 1 << 20

    @Test(
        "what grows by brk and never shrinks is a suspected leak, with its rate and when it reaches the limit"
    )
    func leakByBrk() throws {
        var leaking = process([.heap: { [mebibyte] in UInt64($0) * mebibyte + mebibyte }])
        leaking.limits.memoryLimit = 1 << 30
        leaking.limits.memoryUsed = (1 << 30) - 600 << 20
        let explanation = Explanation(leaking)
        #expect(explanation.verdict == .leakSuspected)
        #expect(
            explanation.findings[0].sentence == """
                In the last 2 min the address space grew by 119.0 MiB, to 122.0 MiB, of which 61.0 MiB is in memory. \
                By moving the program break (brk, where malloc takes small blocks from) +119.0 MiB.
                """)
        let heap = explanation.findings[1]
        #expect(
            heap.sentence == """
                heap (brk) grows at 1.0 MiB a second (between looks 1013.2 KiB to 1.0 MiB): by 119.0 MiB in 119 steps, of which it gave \
                back nothing. A leak is suspected, with high confidence; a cache that is not full yet looks the same. \
                At this rate it reaches its control group's 1.0 GiB in 10 min, if all of it is touched.
                """)
        #expect(heap.kind == .heap && heap.subject == .growth)
        #expect(heap.figures["bytes_per_second"]?.doubleValue == 1_048_576)
        #expect(heap.figures["seconds_to_memory_limit"]?.doubleValue == 600)
        #expect(heap.figures["before"] == 1_048_576 && heap.figures["leak_suspected"] == true)
    }

    @Test("a stack that grows is no leak: calls go deeper, and it says when the limit is reached")
    func stack() throws {
        let explanation = Explanation(process([.stack: { (UInt64($0) + 8) << 15 }]))
        #expect(explanation.verdict == .growing)
        let stack = explanation.findings[1]
        #expect(
            stack.sentence == """
                The stack grows at 1.9 MiB a minute (between looks 1.9 MiB to 1.9 MiB): by 3.7 MiB in 119 steps, of which \
                it gave back nothing. Calls go deeper and deeper, as a recursion that does not end. At this rate it reaches \
                its limit of 8.0 MiB in 2.2 min, and the program ends of SIGSEGV.
                """)
        #expect(stack.figures["leak_suspected"] == false)
        #expect(stack.figures["seconds_to_stack_limit"]?.doubleValue == 129)
    }

    @Test("no growth is said as no growth")
    func noGrowth() throws {
        let explanation = Explanation(process([.anon: { _ in 10 << 20 }]))
        #expect(explanation.verdict == .noGrowth)
        #expect(
            explanation.findings[0].sentence
                == "In the last 2 min no kind of memory grew: it has 12.0 MiB of addresses, of which 6.0 MiB is in memory."
        )
        #expect(!explanation.findings.contains { $0.subject == .growth })
    }

    @Test("a cache that is full, what comes and goes, and what shrank are no leaks")
    func noLeaks() throws {
        let cache = Explanation(process([.anon: { [mebibyte] in UInt64(min($0, 40)) * mebibyte }]))
        #expect(cache.verdict == .filled)
        #expect(
            cache.findings[1].sentence
                == "anon (mmap) rose by 40.0 MiB in 40 steps, and has stayed at 40.0 MiB for 79 s: as a cache does that is full."
        )
        let sawtooth = Explanation(process([.anon: { [mebibyte] in UInt64($0 % 10) * mebibyte }]))
        #expect(sawtooth.verdict == .comesAndGoes)
        #expect(sawtooth.findings[1].sentence.hasSuffix("and comes back to where it was: no leak."))
        let less = Explanation(process([.heap: { [mebibyte] in ($0 < 40 ? 40 : 4) * mebibyte }]))
        #expect(less.verdict == .shrunk)
        #expect(less.findings[1].sentence == "heap (brk) shrank by 36.0 MiB, to 4.0 MiB.")
    }

    @Test("of two that grow the one that grew more comes first, and each way has its share")
    func both() throws {
        let explanation = Explanation(
            process([
                .heap: { UInt64($0) << 16 }, .anon: { UInt64($0) << 20 }, .threadStack: { UInt64($0) << 18 },
            ]))
        #expect(
            explanation.findings.filter { $0.subject == .growth }.map(\.kind) == [.anon, .threadStack, .heap])
        #expect(explanation.findings[0].figures["brk_delta"] == .integer(119 << 16))
        #expect(explanation.findings[0].figures["mmap_delta"] == .integer((119 << 20) + (119 << 18)))
    }

    @Test("inconsistent looks are left out, unknown sizes are unknown")
    func unknown() throws {
        var torn = process([.anon: { _ in 10 << 20 }])
        torn.samples[60].sample.kinds?[.anon] = 1 << 40
        torn.samples[60].sample.isConsistent = false
        #expect(Explanation(torn).verdict == .noGrowth)
        for index in torn.samples.indices {
            torn.samples[index].sample.kinds = nil
            torn.samples[index].sample.vmSizeBytes = nil
        }
        #expect(Explanation(torn).findings[0].sentence == "Nothing is known of its sizes in this time.")
    }

    @Test("mappings that come and go are churn, and those that stay are not")
    func churn() throws {
        var busy = process([.anon: { _ in 10 << 20 }])
        busy.traffic = MappingTraffic(
            mapped: 5 << 30, mappings: 12_345, unmapped: 5 << 30, unmappings: 12_340)
        let finding = try #require(Explanation(busy).findings.first { $0.subject == .churn })
        #expect(
            finding.sentence == """
                Mappings come and go: 12,345 of 5.0 GiB came and 12,340 of 5.0 GiB went (43.0 MiB a second): short-lived \
                memory, whose pages are faulted in anew each time.
                """)
        busy.traffic.unmapped = 1 << 30
        #expect(!Explanation(busy).findings.contains { $0.subject == .churn })
    }

    @Test("the map of now tells of a heap that is not in memory, of arenas, stacks and reservations")
    func standing() throws {
        func region(_ kind: RegionKind, _ size: UInt64, resident: UInt64) -> RegionRecord {
            var region = Examples.region(0x7f00_0000_0000, size, [.read, .write], kind)
            region.setResident(resident)
            return region
        }
        var process = process([.anon: { _ in 10 << 20 }])
        process.regions = [
            region(.heap, 96 << 20, resident: 30 << 20), region(.arena, 1 << 20, resident: 1 << 19),
            region(.arena, 1 << 20, resident: 1 << 19), region(.threadStack, 8 << 20, resident: 40 << 10),
            region(.reserved, 1 << 34, resident: 0),
        ]
        let findings = Explanation(process).findings
        func sentence(_ subject: Finding.Subject) -> String? {
            findings.first { $0.subject == subject }?.sentence
        }
        #expect(
            sentence(.heapResidency)?.hasPrefix("Of the heap's 96.0 MiB only 30.0 MiB (31 %) is in memory")
                == true)
        #expect(
            sentence(.arenas)?.hasPrefix(
                "malloc has 2 arenas beside the heap for 3 threads, with 2.0 MiB in use, 1.0 MiB of it in memory"
            )
                == true)
        #expect(
            sentence(.threadStacks)
                == "One thread's stack has 8.0 MiB of addresses, of which 40.0 KiB was ever touched.")
        #expect(
            sentence(.reserved)
                == "16.0 GiB is reserved and cannot be touched: virtual, not resident, and harmless.")
        #expect(
            sentence(.regionHeadroom)
                == "It has 44 regions of the 65,530 areas that vm.max_map_count allows (less than 1 %).")
    }

    @Test("a limit that is near is said to be")
    func near() throws {
        let deep = Explanation(process([.stack: { _ in 7 << 20 }]))
        let finding = try #require(deep.findings.first { $0.subject == .stackHeadroom })
        #expect(
            finding.sentence == "The stack has 7.0 MiB of the 8.0 MiB that it may have (88 %): that is close."
        )
        #expect(finding.figures["close"] == true)
    }

    @Test("as JSON it is one object, with each sentence's figures")
    func json() throws {
        let explanation = Explanation(process([.heap: { UInt64($0) << 20 }]))
        let object = try #require(try JSON(parsing: explanation.serialized()).objectValue)
        #expect(object.map(\.0) == Explanation.fields)
        #expect(object["verdict"] == "leak-suspected" && object["comm"] == "postgres")
        let findings = try #require(object["findings"]?.arrayValue)
        #expect(findings.count == explanation.findings.count)
        #expect(findings.allSatisfy { $0["sentence"]?.stringValue?.isEmpty == false && $0["figures"] != nil })
    }

    @Test("spans, rates and counts read as people say them")
    func quantities() {
        #expect(Quantity.span(0.3) == "less than a second")
        #expect(Quantity.span(12) == "12 s" && Quantity.span(90) == "90 s" && Quantity.span(150) == "2.5 min")
        #expect(
            Quantity.span(7_200) == "2 h" && Quantity.span(864_000) == "10 days"
                && Quantity.span(1e12) == "years")
        #expect(
            Quantity.rate(65_536) == "64.0 KiB a second" && Quantity.rate(-65_536) == "-64.0 KiB a second")
        #expect(Quantity.rate(2_000) == "117.2 KiB a minute" && Quantity.rate(1) == "84.4 KiB a day")
        #expect(Quantity.count(1_234_567) == "1,234,567" && Quantity.count(999) == "999")
        #expect(Quantity.share(1, of: 1_000) == "less than 1 %" && Quantity.share(999, of: 1_000) == "99 %")
        #expect(Quantity.share(0, of: 0) == "0 %")
    }
}
