import TestSupport
import Testing
import Varlink

/// An oracle that cannot say no proves nothing.
@Suite("The comparison itself")
struct OracleProofTests {
    private static let text = """
        100   1795413194.000000 execve("/bin/x", ["x", ") = 1"], 0x55a600fffe18 /* 38 vars */) = 0 <0.000500>
        100   1795413194.001000 brk(NULL)       = 0x55f408fb8000 <0.000010>
        100   1795413194.002000 brk(0x55f408fd9000) = 0x55f408fd9000 <0.000010>
        100   1795413194.003000 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000 <0.000012>
        100   1795413194.004000 mmap(NULL, 1125899906842624, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory) <0.000012>
        100   1795413194.005000 clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x7f69e6c20000}, 88 <unfinished ...>
        101   1795413194.005100 mmap(NULL, 4097, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0 <unfinished ...>
        100   1795413194.005200 <... clone3 resumed> => {parent_tid=[101]}, 88) = 101 <0.000200>
        100   1795413194.005250 --- SIGCHLD {si_signo=SIGCHLD, si_pid=7, si_uid=0} ---
        101   1795413194.006000 <... mmap resumed>) = 0x7f1000000000 <0.000900>
        100   1795413194.007000 fork( <unfinished ...>
        102   1795413194.007100 brk(0x55f408fe0000) = 0x55f408fe0000 <0.000010>
        100   1795413194.007200 <... fork resumed>) = 102 <0.000200>
        101   1795413194.008000 mremap(0x7f1000000000, 8192, 16384, MREMAP_MAYMOVE) = 0x7f2000000000 <0.000010>
        101   1795413194.009000 munmap(0x7f2000000000, 16384 <unfinished ...>
        100   1795413194.010000 exit_group(0)   = ?
        101   1795413194.010100 <... munmap resumed>) = ?
        101   1795413194.010200 +++ exited with 0 +++
        102   1795413194.010300 +++ killed by SIGKILL +++
        100   1795413194.010400 +++ exited with 0 +++
        """

    @Test("strace's output is read line by line, and nothing of it is passed over")
    func reading() throws {
        let trace = Trace(Self.text)
        #expect(trace.unreadable == [])
        #expect(trace.lines == 8)
        #expect(trace.processes == [100, 102])
        let births = trace.calls.filter { $0.effect == .birth }
        #expect(births.map(\.pid) == [100, 100, 100, 102])
        #expect(births.map(\.tid) == [100, 100, 101, 102])
        #expect(births.map(\.name) == ["brk", "mmap", "mmap", "brk"])
        let ranges: [Range<UInt64>] = [
            0x55f4_08fb_8000..<0x55f4_08fd_9000, 0x7f00_0000_0000..<0x7f00_0000_2000,
            0x7f10_0000_0000..<0x7f10_0000_2000, 0x55f4_08fd_9000..<0x55f4_08fe_0000,
        ]
        #expect(births.flatMap(\.ranges) == ranges)
        #expect(births.map { $0.exit - $0.entry } == [1_000, 1_000, 900, 100])
        #expect(trace.calls.filter { $0.name == "mremap" }.flatMap(\.ranges).count == 2)
        #expect(trace.calls.count { $0.effect == .unknown } == 1)
        #expect(trace.calls.count { $0.effect == .exec } == 1)
        #expect(Trace("100 1.000001 mmap(what = 0x7f").unreadable.count == 1)
        #expect(Trace("Segmentation fault").unreadable.count == 1)
    }

    // MARK: Saying no

    private static let begin: Int64 = 1_795_413_194_000_000

    private func entry(
        _ type: String, _ kind: String, _ delta: Int64, _ start: String, _ end: String, after: Int64,
        tid: Int?, source: String = "perf"
    ) throws -> Ledger.Entry {
        let rest = String(after)
        let micros = String(repeating: "0", count: 6 - rest.count) + rest
        let tid = tid.map { "\($0)" } ?? "null"
        return try Ledger.Entry(
            JSON(
                parsing: """
                    {"time":"2026-11-23T05:53:14.\(micros)Z","pid":100,"event":"\(type)","kind":"\(kind)",
                    "delta":\(delta),"size":\(abs(delta)),"start":"\(start)","end":"\(end)","tid":\(tid),
                    "source":"\(source)"}
                    """))
    }

    /// What the ledger of process 100 should be.
    private func right() throws -> [Ledger.Entry] {
        [
            try entry("brk-grow", "heap", 135_168, "0x55f408fb8000", "0x55f408fd9000", after: 2005, tid: 100),
            try entry("mmap", "anon", 8192, "0x7f0000000000", "0x7f0000002000", after: 3005, tid: 100),
            try entry("mmap", "reserved", 8192, "0x7f1000000000", "0x7f1000002000", after: 5500, tid: 101),
            try entry(
                "munmap", "reserved", -8192, "0x7f1000000000", "0x7f1000002000", after: 9500, tid: nil,
                source: "sample"),
        ]
    }

    private func compare(_ entries: [Ledger.Entry]) -> Comparison {
        let trace = Trace(Self.text)
        let samples = [
            Ledger.Sample(time: Self.begin + 600, size: 4096, kinds: ["text": 4096], isConsistent: true),
            Ledger.Sample(
                time: Self.begin + 9500, size: 4096 + 135_168 + 8192,
                kinds: ["text": 4096, "heap": 135_168, "anon": 8192], isConsistent: true),
        ]
        var result = Comparison()
        result.add(
            Ledger(of: 100, entries: entries, samples: samples), trace.calls.filter { $0.pid == 100 },
            isPerf: true)
        return result
    }

    @Test("a right ledger is right")
    func agreement() throws {
        let result = compare(try right())
        #expect(microseconds("2026-11-23T05:53:14.000000Z") == Self.begin)
        #expect(result.births == 3 && result.found == 3 && result.missing.isEmpty)
        #expect(result.unexplained.isEmpty && result.wrongSums == [])
        #expect(result.distances == [5, 5, 400])
    }

    @Test("an event that is not there, of another thread, at another place or too late is missed")
    func missing() throws {
        for index in 0..<3 {
            var entries = try right()
            entries.remove(at: index)
            #expect(compare(entries).missing.count == 1)
            #expect(!compare(entries).wrongSums.isEmpty)
            entries = try right()
            entries[index].tid = 7
            #expect(compare(entries).missing.count == 1 && compare(entries).unexplained.count == 1)
            entries = try right()
            entries[index].range = 0x1000..<0x2000
            #expect(compare(entries).missing.count == 1 && compare(entries).unexplained.count == 1)
            entries = try right()
            entries[index].time += 6_900
            #expect(compare(entries).missing.count == 1)
        }
    }

    @Test(
        "strace may be put aside before a call, until it writes its next line or for a tenth of a second",
        arguments: [(13_000, 12_000, true), (6_000, 12_000, false), (900_000, 300_000, false)])
    func putAside(next: Int, event: Int64, isRight: Bool) throws {
        let text = """
            100   1795413194.000000 mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE, -1, 0) = 0x7f0000000000 <0.000012>
            100   1795413194.\(String(1_000_000 + next).dropFirst()) brk(NULL)       = 0x55f408fb8000 <0.000010>
            """
        let told = try entry(
            "mmap", "reserved", 8192, "0x7f0000000000", "0x7f0000002000", after: event, tid: 100)
        var result = Comparison()
        result.add(Ledger(of: 100, entries: [told], samples: []), Trace(text).calls, isPerf: true)
        #expect(result.missing.isEmpty == isRight)
        #expect(result.unexplained.isEmpty == isRight)
    }

    @Test("what no call did is not explained, and wrong bytes do not add up")
    func surplus() throws {
        let nowhere = try entry("mmap", "anon", 4096, "0x6000000000", "0x6000001000", after: 3005, tid: 100)
        #expect(compare(try right() + [nowhere]).unexplained.count == 1)
        #expect(compare(try right() + [nowhere]).wrongSums.count == 2)
        let wider = try entry(
            "mmap", "anon", 12288, "0x7f0000000000", "0x7f0000003000", after: 3005, tid: 100)
        #expect(compare(try right() + [wider]).unexplained.count == 1)
        // Of the same bytes, but before the call.
        let early = try entry(
            "munmap", "anon", -8192, "0x7f0000000000", "0x7f0000002000", after: 3100, tid: nil,
            source: "sample")
        var entries = try right() + [early]
        entries[4].time = Self.begin - 9_000
        entries[4].notBefore = Self.begin - 10_000
        #expect(compare(entries).unexplained.count == 1)
    }
}
