import Glibc
import TestSupport
import Testing

/// The ledger against strace, which nobody here wrote. `MEMWATCH_ORACLE_TABLE=FILE` keeps the table.
///
/// By sampling, what is in the ledger must be right; by the kernel's records, it must also be all.
@Suite(
    "The ledger against strace", .serialized, .requiresTool("strace"), .requiresTool("sqlite3"),
    .requiresStrace,
    .timeLimit(.minutes(10)))
enum OracleTests {
    @Suite("by sampling")
    struct Sampling: OracleSuite {
        static let source = "sampling"

        @Test("python3", .requiresTool("python3"))
        func python() throws { try check(.python()) }

        @Test("node", .requiresTool("node"))
        func node() throws { try check(.node()) }

        @Test("a Java machine", .requiresTool("java"))
        func java() throws { try check(.java()) }

        @Test("sqlite3", .requiresTool("sqlite3"))
        func sqlite() throws { try check(.sqlite()) }

        @Test("a compiler with its children", .requiresTool("cc"))
        func compiler() throws { try check(.compiler()) }

        @Test("a program with threads", .requiresTool("cc"))
        func threads() throws { try check(.threads()) }
    }

    @Suite("by the kernel's records", .requiresKernelRecords)
    struct Perf: OracleSuite {
        static let source = "perf"

        @Test("python3", .requiresTool("python3"))
        func python() throws { try check(.python()) }

        @Test("node", .requiresTool("node"))
        func node() throws { try check(.node()) }

        @Test("a Java machine", .requiresTool("java"))
        func java() throws { try check(.java()) }

        @Test("sqlite3", .requiresTool("sqlite3"))
        func sqlite() throws { try check(.sqlite()) }

        @Test("a compiler with its children", .requiresTool("cc"))
        func compiler() throws { try check(.compiler()) }

        @Test("a program with threads", .requiresTool("cc"))
        func threads() throws { try check(.threads()) }
    }
}

protocol OracleSuite {
    static var source: String { get }
}

extension OracleSuite {
    func check(_ workload: Workload, sourceLocation: SourceLocation = #_sourceLocation) throws {
        var run = try OracleRun(workload, source: Self.source)
        // The rings are the whole machine's: when something else fills them, the kernel drops records of everybody,
        // and the run says nothing of what is complete.
        for _ in 0..<2 where run.result.gaps > 0 { run = try OracleRun(workload, source: Self.source) }
        run.check(sourceLocation: sourceLocation)
    }
}
