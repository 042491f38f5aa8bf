/// The four ids of one sort (user or group) that a process carries.
package struct CredentialIDs: Hashable, Sendable {
    package var real: UInt32
    package var effective: UInt32
    package var saved: UInt32
    package var filesystem: UInt32

    package init(real: UInt32, effective: UInt32, saved: UInt32, filesystem: UInt32) {
        self.real = real
        self.effective = effective
        self.saved = saved
        self.filesystem = filesystem
    }
}

/// `/proc/[pid]/status`, the lines memwatch uses. Readable by everyone.
///
/// Every field is nil where its line is missing: kernel threads and zombies have no `Vm…`
/// lines, and older kernels lack some. Sizes are bytes. Costs 20–45 µs, so it is not read
/// on every tick.
package struct ProcessStatus: Hashable, Sendable {
    /// R, S, D, Z, T, t, I, X.
    package var state: UInt8?
    /// The process's id, also when asked through one of its threads.
    package var threadGroup: Int32?
    package var parent: Int32?
    /// Who traces it (ptrace(2)); 0 for nobody.
    package var tracer: Int32?
    package var uids: CredentialIDs?
    package var gids: CredentialIDs?
    package var threads: UInt32?
    /// Linux 6.8.
    package var isKernelThread: Bool?
    package var vmSizeBytes: UInt64?
    package var vmPeakBytes: UInt64?
    package var rssBytes: UInt64?
    package var peakRSSBytes: UInt64?
    /// These three since Linux 4.5.
    package var rssAnonBytes: UInt64?
    package var rssFileBytes: UInt64?
    package var rssShmemBytes: UInt64?
    package var dataBytes: UInt64?
    package var stackBytes: UInt64?
    package var lockedBytes: UInt64?
    package var swapBytes: UInt64?
    package var pageTablesBytes: UInt64?
    /// Linux 4.4.
    package var hugetlbBytes: UInt64?
    /// Permitted capabilities, as bits.
    package var permittedCapabilities: UInt64?
    /// The process's id in each pid namespace from this reader's to its own (Linux 4.1).
    package var namespaceIDs: [Int32]?

    /// True if its first thread waits in a way that a signal ends, or is stopped.
    package var isAsleep: Bool { TaskState.isAsleep(state) }

    package init() {}

    /// Reads `Name:\tvalue` lines; what it does not know it goes over. The kernel escapes
    /// newlines in the name, so a process cannot forge a line. `path` is only for the error.
    package init(
        parsing bytes: UnsafeRawBufferPointer, from path: @autoclosure () -> String = "status"
    ) throws(ProcError) {
        var lines = ByteCursor(bytes)
        var number = 0
        while let line = lines.line() {
            number += 1
            var cursor = ByteCursor(line)
            let key = cursor.upTo(UInt8(ascii: ":"))
            cursor.skipBlanks()
            guard take(key, &cursor) else {
                throw .malformed(path: path(), line: number, field: String(decoding: key, as: UTF8.self))
            }
        }
        guard number > 0 else { throw .malformed(path: path(), line: 1, field: "first line") }
    }

    /// False where a line we know does not hold what it should.
    ///
    /// By the first letter, because comparing every key with every name, as `String`s, took
    /// as long as the kernel takes to print them all.
    private mutating func take(_ key: UnsafeRawBufferPointer, _ value: inout ByteCursor) -> Bool {
        switch key.first {
        case UInt8(ascii: "V"): takeVirtual(key, &value)
        case UInt8(ascii: "R"): takeResident(key, &value)
        case UInt8(ascii: "U") where key.equals("Uid"): Self.ids(&uids, &value)
        case UInt8(ascii: "G") where key.equals("Gid"): Self.ids(&gids, &value)
        case UInt8(ascii: "T") where key.equals("Tgid"): Self.number(&threadGroup, &value)
        case UInt8(ascii: "T") where key.equals("Threads"): Self.number(&threads, &value)
        case UInt8(ascii: "T") where key.equals("TracerPid"): Self.number(&tracer, &value)
        case UInt8(ascii: "P") where key.equals("PPid"): Self.number(&parent, &value)
        case UInt8(ascii: "S") where key.equals("State"): Self.letter(&state, &value)
        case UInt8(ascii: "K") where key.equals("Kthread"): Self.flag(&isKernelThread, &value)
        case UInt8(ascii: "H") where key.equals("HugetlbPages"): Self.size(&hugetlbBytes, &value)
        case UInt8(ascii: "C") where key.equals("CapPrm"): Self.bits(&permittedCapabilities, &value)
        case UInt8(ascii: "N") where key.equals("NSpid"): Self.list(&namespaceIDs, &value)
        default: true
        }
    }

    private mutating func takeVirtual(_ key: UnsafeRawBufferPointer, _ value: inout ByteCursor) -> Bool {
        if key.equals("VmSize") { return Self.size(&vmSizeBytes, &value) }
        if key.equals("VmRSS") { return Self.size(&rssBytes, &value) }
        if key.equals("VmPTE") { return Self.size(&pageTablesBytes, &value) }
        if key.equals("VmSwap") { return Self.size(&swapBytes, &value) }
        if key.equals("VmPeak") { return Self.size(&vmPeakBytes, &value) }
        if key.equals("VmHWM") { return Self.size(&peakRSSBytes, &value) }
        if key.equals("VmLck") { return Self.size(&lockedBytes, &value) }
        if key.equals("VmData") { return Self.size(&dataBytes, &value) }
        if key.equals("VmStk") { return Self.size(&stackBytes, &value) }
        return true
    }

    private mutating func takeResident(_ key: UnsafeRawBufferPointer, _ value: inout ByteCursor) -> Bool {
        if key.equals("RssAnon") { return Self.size(&rssAnonBytes, &value) }
        if key.equals("RssFile") { return Self.size(&rssFileBytes, &value) }
        if key.equals("RssShmem") { return Self.size(&rssShmemBytes, &value) }
        return true
    }

    private static func letter(_ field: inout UInt8?, _ value: inout ByteCursor) -> Bool {
        field = value.next
        return field != nil
    }

    private static func flag(_ field: inout Bool?, _ value: inout ByteCursor) -> Bool {
        field = value.decimal().map { $0 != 0 }
        return field != nil
    }

    private static func bits(_ field: inout UInt64?, _ value: inout ByteCursor) -> Bool {
        field = value.hexadecimal()
        return field != nil
    }

    private static func list(_ field: inout [Int32]?, _ value: inout ByteCursor) -> Bool {
        // At most 32 levels of pid namespaces can be nested.
        var found: [Int32] = []
        while found.count < 33, let id = value.decimal() {
            found.append(Int32(clamping: id))
            value.skipBlanks()
        }
        field = found
        return !found.isEmpty
    }

    private static func number<Number: FixedWidthInteger>(_ field: inout Number?, _ value: inout ByteCursor)
        -> Bool
    {
        field = value.decimal().flatMap { Number(exactly: $0) }
        return field != nil
    }

    /// `     132 kB`: the kernel's kB is 1,024 bytes.
    private static func size(_ field: inout UInt64?, _ value: inout ByteCursor) -> Bool {
        guard let kibibytes = value.decimal() else { return false }
        let (scaled, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
        field = overflow ? .max : scaled
        return true
    }

    private static func ids(_ field: inout CredentialIDs?, _ value: inout ByteCursor) -> Bool {
        var four = InlineArray<4, UInt32>(repeating: 0)
        for index in four.indices {
            value.skipBlanks()
            guard let id = value.decimal().flatMap({ UInt32(exactly: $0) }) else { return false }
            four[index] = id
        }
        field = CredentialIDs(real: four[0], effective: four[1], saved: four[2], filesystem: four[3])
        return true
    }
}
