/// `/proc/[pid]/stat`, the fields memwatch uses (numbered as in proc(5)).
///
/// Readable by everyone, but the kernel writes addresses as 0, and code addresses as 1,
/// for a reader without ptrace access: those are nil here.
package struct ProcessStat: Hashable, Sendable {
    /// The process's name (2): any bytes but NUL, `)` and newline included. At most 15 for
    /// a program; kernel threads have longer ones.
    package var comm: [UInt8]
    /// R, S, D, Z, T, t, I, X … (3).
    package var state: UInt8
    /// 4.
    package var parent: Int32
    /// PF_… of the kernel (9).
    package var flags: UInt32
    /// 20.
    package var threads: UInt32
    /// Clock ticks between boot and the process's start (22).
    package var startTicks: UInt64
    /// The program's code (26, 27), its stack's far end (28), its data (45, 46).
    package var startCode: UInt64?
    package var endCode: UInt64?
    package var startStack: UInt64?
    package var startData: UInt64?
    package var endData: UInt64?
    /// Where the heap begins (47, Linux 3.3); the heap may be empty.
    package var startBrk: UInt64?
    /// Arguments and environment on the stack (48 to 51, Linux 3.5).
    package var argStart: UInt64?
    package var argEnd: UInt64?
    package var envStart: UInt64?
    package var envEnd: UInt64?

    /// Without memory because its parent has not yet waited for it (Z), or on the way there (X).
    package var isZombie: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }

    /// Waits in a way that a signal ends, or is stopped.
    package var isAsleep: Bool { TaskState.isAsleep(state) }

    /// PF_KTHREAD, the same bit since Linux 2.6.29.
    package var isKernelThread: Bool { flags & 0x0020_0000 != 0 }

    /// PF_EXITING: the memory may be gone already.
    package var isExiting: Bool { flags & 0x0000_0004 != 0 }

    /// Reads `812 (name) S 1 …`. `path` is only for the error.
    package init(
        parsing bytes: UnsafeRawBufferPointer, from path: @autoclosure () -> String = "stat"
    ) throws(ProcError) {
        // The name may hold ")", spaces and newlines, but nothing behind it holds a ")".
        guard let open = bytes.firstIndex(of: UInt8(ascii: "(")),
            let close = bytes.lastIndex(of: UInt8(ascii: ")")), open < close
        else { throw .malformed(path: path(), line: 1, field: "name in parentheses") }
        comm = [UInt8](bytes[(open + 1)..<close])

        var fields = InlineArray<52, UInt64>(repeating: 0)
        var cursor = ByteCursor(bytes, from: close + 1)
        guard let letter = cursor.word()?.first else {
            throw .malformed(path: path(), line: 1, field: "state")
        }
        state = letter
        var count = 3
        for number in 4...51 {
            cursor.skipBlanks()
            // Fields that may be negative (terminal, priority, nice) are none of ours: their
            // size is kept so that they still count as fields.
            _ = cursor.skip(UInt8(ascii: "-"))
            guard let value = cursor.decimal() else { break }
            fields[number] = value
            count = number
        }
        // 22 has been there for ever; what lies behind it came with later kernels.
        guard count >= 22 else { throw .malformed(path: path(), line: 1, field: "field \(count + 1)") }
        parent = Int32(truncatingIfNeeded: fields[4])
        flags = UInt32(truncatingIfNeeded: fields[9])
        threads = UInt32(clamping: fields[20])
        startTicks = fields[22]
        startCode = Self.address(fields[26])
        endCode = Self.address(fields[27])
        startStack = Self.address(fields[28])
        startData = Self.address(fields[45])
        endData = Self.address(fields[46])
        startBrk = Self.address(fields[47])
        argStart = Self.address(fields[48])
        argEnd = Self.address(fields[49])
        envStart = Self.address(fields[50])
        envEnd = Self.address(fields[51])
    }

    private static func address(_ value: UInt64) -> UInt64? { value > 1 ? value : nil }
}
