import Glibc

/// The parsers of bytes that strangers choose, and for each what must hold whatever the bytes are.
///
/// "It did not trap" alone would let a parser that answers nonsense pass. So each target reads the same bytes a
/// second time in a plain way of its own, or prints what was read and reads that again, and compares.
///
/// The same code runs in two places: in the fuzzers (`Fuzzing/`, under libFuzzer and the address sanitizer) and in
/// ordinary tests, over the corpus that the fuzzers found and over seeded mutations of it.
enum FuzzTarget: String, CaseIterable, Sendable {
    /// `/proc/[pid]/maps`, and what classification and packing make of the areas.
    case maps
    /// `/proc/[pid]/status`.
    case status
    /// `/proc/[pid]/stat`.
    case stat
    /// The beginning of a file that a process has mapped executable.
    case elf
    /// What comes through the socket: frames, JSON, calls and replies.
    case varlink
    /// Times, durations, sizes and patterns in the parameters of calls.
    case text

    /// Gives `bytes` to the parser and checks what came of it.
    ///
    /// `bytes` should be a heap block of exactly its size, so that the address sanitizer sees a step outside.
    /// - Returns: Whether the parser took them for what it reads.
    func check(_ bytes: UnsafeRawBufferPointer) throws(Violation) -> Bool {
        switch self {
        case .maps: try MapsTarget.check(bytes)
        case .status: try StatusTarget.check(bytes)
        case .stat: try StatTarget.check(bytes)
        case .elf: try ELFTarget.check(bytes)
        case .varlink: try VarlinkTarget.check(bytes)
        case .text: try TextTarget.check(bytes)
        }
    }

    /// Longer inputs find nothing that shorter ones do not, and take longer.
    var maximumBytes: Int {
        switch self {
        // A few dozen areas; all of one process's status, which is 1.5 KB.
        case .maps, .status: 2048
        // Some way above the frame limit of the target, so that frames are too long, too.
        case .varlink: 1024
        case .elf: 1024
        case .stat: 400
        case .text: 256
        }
    }
}

/// Something that must hold did not.
struct Violation: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// - Throws: ``Violation`` where `condition` is false.
@inline(__always)
func mustHold(_ condition: Bool, _ what: @autoclosure () -> String) throws(Violation) {
    guard condition else { throw Violation(what()) }
}

extension UnsafeRawBufferPointer {
    /// Whether these are the same bytes: by memcmp, because a loop of ours is counted, step by step, by the fuzzer.
    func isSame(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count, let start = baseAddress, let otherStart = other.baseAddress else {
            return count == other.count
        }
        return memcmp(start, otherStart, count) == 0
    }

    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }

    func isSame(as word: StaticString) -> Bool {
        isSame(as: UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    /// Where `byte` first stands in `range`, nil where it does not; by memchr, for the same reason.
    func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
        guard let start = baseAddress, !range.isEmpty,
            let found = memchr(start + range.lowerBound, Int32(byte), range.count)
        else { return nil }
        return UnsafeRawPointer(found) - start
    }

    /// A number that is the same for the same bytes: for what a target varies beside its input (FNV-1a).
    var fingerprint: UInt64 {
        var state: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in self { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return state
    }

    /// Has `body` work on a copy of some of these bytes, in a heap block of their size.
    func withCopy<Result>(
        of range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Violation) -> Result
    ) throws(Violation) -> Result {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 1)
        defer { copy.deallocate() }
        copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: self[range]))
        return try body(UnsafeRawBufferPointer(copy))
    }
}
