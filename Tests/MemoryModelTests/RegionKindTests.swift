import MemoryModel
import Testing

@Suite("Kinds, origins and events have the names that users type")
struct RegionKindTests {
    /// The documented table: what scripts and stored histories rely on.
    private static let table: [(origin: String, kind: String)] = [
        ("image", "text"), ("image", "rodata"), ("image", "data"), ("image", "bss"), ("brk", "heap"),
        ("stack", "stack"), ("mmap", "anon"), ("mmap", "arena"), ("mmap", "thread-stack"),
        ("mmap", "guard"), ("mmap", "reserved"), ("mmap", "jit"), ("mmap", "file"), ("mmap", "shared"),
        ("mmap", "hugetlb"), ("mmap", "device"), ("kernel", "vdso"),
    ]

    @Test("the seventeen kinds, in the order of their stored numbers, each with its origin")
    func kinds() {
        #expect(RegionKind.allCases.map(\.name) == Self.table.map(\.kind))
        #expect(RegionKind.allCases.map(\.origin.rawValue) == Self.table.map(\.origin))
        #expect(RegionKind.allCases.map(\.rawValue) == Array(0...16))
        #expect(RegionKind.count == RegionKind.allCases.count)
    }

    @Test("a name gives its kind, and nothing else gives one")
    func kindNames() {
        for kind in RegionKind.allCases { #expect(RegionKind(name: kind.name) == kind) }
        for name in ["", "unknown", "Heap", "heap ", "threadStack", "guardPages"] {
            #expect(RegionKind(name: name) == nil)
        }
    }

    @Test("the events, in the order of their stored numbers")
    func events() {
        #expect(
            EventType.allCases.map(\.name) == [
                "attached", "brk-grow", "brk-shrink", "mmap", "munmap", "resize", "protect", "stack-grow",
                "exec", "fork", "exit", "detached", "threshold", "leak-suspected", "stack-near-limit",
                "maps-near-limit", "writable-executable", "gap",
            ])
        #expect(EventType.allCases.map(\.rawValue) == Array(0...17))
        for type in EventType.allCases { #expect(EventType(name: type.name) == type) }
        #expect(EventType(name: "brkGrow") == nil)
        #expect(EventSource.allCases.map(\.name) == ["sample", "perf"])
    }

    @Test("the states of a target")
    func states() {
        #expect(
            TargetState.allCases.map(\.rawValue) == [
                "running", "exited", "zombie", "kernel-thread", "denied",
            ])
    }
}
