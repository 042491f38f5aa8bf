import ProcFS

/// The lines of status against the plain reading of each.
enum StatusTarget {
    static func check(_ text: UnsafeRawBufferPointer) throws(Violation) -> Bool {
        let expected = PlainStatus(text)
        let status: ProcessStatus
        do throws(ProcError) {
            status = try ProcessStatus(parsing: text)
        } catch {
            guard case .malformed(_, let line, _) = error else { throw Violation("\(error)") }
            try mustHold(line == expected.badLine, "it refused line \(line), not \(expected.badLine ?? 0)")
            return false
        }
        try compare(PlainStatus(status), expected)
        return true
    }

    private static func compare(_ found: PlainStatus, _ expected: PlainStatus) throws(Violation) {
        try mustHold(expected.badLine == nil, "it took line \(expected.badLine ?? 0)")
        for index in found.values.indices where found.values[index] != expected.values[index] {
            throw Violation(
                "\(PlainStatus.fields[index].key) is \(found.values[index] as Any), not "
                    + "\(expected.values[index] as Any)")
        }
    }
}

/// The values of the lines that memwatch uses, in the order of ``fields``.
private struct PlainStatus {
    enum Form { case letter, flag, int32, uint32, kilobytes, bits, ids, list }

    static let fields: [(key: StaticString, form: Form)] = [
        ("State", .letter), ("Tgid", .int32), ("PPid", .int32), ("TracerPid", .int32), ("Uid", .ids),
        ("Gid", .ids), ("Threads", .uint32), ("Kthread", .flag), ("VmSize", .kilobytes),
        ("VmPeak", .kilobytes), ("VmRSS", .kilobytes), ("VmHWM", .kilobytes), ("RssAnon", .kilobytes),
        ("RssFile", .kilobytes), ("RssShmem", .kilobytes), ("VmData", .kilobytes), ("VmStk", .kilobytes),
        ("VmLck", .kilobytes), ("VmSwap", .kilobytes), ("VmPTE", .kilobytes), ("HugetlbPages", .kilobytes),
        ("CapPrm", .bits), ("NSpid", .list),
    ]

    /// Several numbers on one line as one: ``folded(_:_:)``.
    var values: [UInt64?]
    /// From 1.
    var badLine: Int?

    init(_ text: UnsafeRawBufferPointer) {
        values = Array(repeating: nil, count: Self.fields.count)
        if text.isEmpty { badLine = 1 }
        var start = 0
        var number = 0
        while start < text.count {
            let end = text.first(UInt8(ascii: "\n"), in: start..<text.count) ?? text.count
            number += 1
            guard take(text, start..<end) else {
                badLine = number
                return
            }
            start = end + 1
        }
    }

    /// False where a line that is used does not hold what it should.
    private mutating func take(_ text: UnsafeRawBufferPointer, _ line: Range<Int>) -> Bool {
        let colon = text.first(UInt8(ascii: ":"), in: line) ?? line.upperBound
        let key = UnsafeRawBufferPointer(rebasing: text[line.lowerBound..<colon])
        guard let field = Self.fields.firstIndex(where: { key.isSame(as: $0.key) }) else { return true }
        var reader = PlainReader(text, min(colon + 1, line.upperBound)..<line.upperBound)
        reader.takeAll(" ", "\t")
        guard let value = Self.value(Self.fields[field].form, &reader) else { return false }
        values[field] = value
        return true
    }

    private static func folded(_ sum: UInt64, _ number: UInt64) -> UInt64 {
        (sum &+ 1) &* 0x9e37_79b9_7f4a_7c15 ^ number
    }

    private static func value(_ form: Form, _ reader: inout PlainReader) -> UInt64? {
        switch form {
        case .letter: return reader.next.map { UInt64($0) }
        case .flag: return reader.number(radix: 10).map { $0 == 0 ? 0 : 1 }
        case .int32: return reader.number(radix: 10).flatMap { $0 <= UInt64(Int32.max) ? $0 : nil }
        case .uint32: return reader.number(radix: 10).flatMap { $0 <= UInt64(UInt32.max) ? $0 : nil }
        case .kilobytes: return reader.number(radix: 10).map { $0 >= 1 << 54 ? .max : $0 << 10 }
        case .bits:
            if reader.end - reader.index >= 2, reader.bytes[reader.index] == UInt8(ascii: "0"),
                reader.bytes[reader.index + 1] == UInt8(ascii: "x")
            {
                reader.index += 2
            }
            return reader.number(radix: 16)
        case .ids:
            var sum: UInt64 = 0
            for _ in 0..<4 {
                reader.takeAll(" ", "\t")
                guard let id = reader.number(radix: 10), id <= UInt64(UInt32.max) else { return nil }
                sum = folded(sum, id)
            }
            return sum
        case .list:
            // 32 levels of namespaces, and one more of slack.
            var (sum, count): (UInt64, Int) = (0, 0)
            while count < 33, let id = reader.number(radix: 10) {
                sum = folded(sum, min(id, UInt64(Int32.max)))
                count += 1
                reader.takeAll(" ", "\t")
            }
            return count == 0 ? nil : sum
        }
    }

    /// What the product read, in the same order.
    init(_ status: ProcessStatus) {
        func one(_ value: (some BinaryInteger)?) -> UInt64? { value.map { UInt64(truncatingIfNeeded: $0) } }
        func four(_ ids: CredentialIDs?) -> UInt64? {
            ids.map { ids in
                var sum: UInt64 = 0
                for id in [ids.real, ids.effective, ids.saved, ids.filesystem] {
                    sum = Self.folded(sum, UInt64(id))
                }
                return sum
            }
        }
        values = [
            one(status.state), one(status.threadGroup), one(status.parent), one(status.tracer),
            four(status.uids), four(status.gids), one(status.threads),
            status.isKernelThread.map { $0 ? 1 : 0 }, one(status.vmSizeBytes), one(status.vmPeakBytes),
            one(status.rssBytes), one(status.peakRSSBytes), one(status.rssAnonBytes),
            one(status.rssFileBytes), one(status.rssShmemBytes), one(status.dataBytes),
            one(status.stackBytes), one(status.lockedBytes), one(status.swapBytes),
            one(status.pageTablesBytes), one(status.hugetlbBytes), one(status.permittedCapabilities),
            status.namespaceIDs.map { $0.reduce(0) { Self.folded($0, UInt64(truncatingIfNeeded: $1)) } },
        ]
    }
}
