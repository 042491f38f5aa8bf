import ProcFS

/// The one line of stat against the plain reading of its fields; statm, which is the same kind of line, beside it.
enum StatTarget {
    static func check(_ text: UnsafeRawBufferPointer) throws(Violation) -> Bool {
        try checkStatm(text)
        let stat = try? ProcessStat(parsing: text)
        guard let (comm, state, fields) = plainFields(text) else {
            try mustHold(stat == nil, "it took what has no name, no state or too few fields")
            return false
        }
        guard let stat else { throw Violation("it refused \(fields.count) fields") }
        func field(_ number: Int) -> UInt64 { number - 4 < fields.count ? fields[number - 4] : 0 }
        // Addresses that are hidden read as 0, those of code as 1.
        func address(_ number: Int) -> UInt64? { field(number) > 1 ? field(number) : nil }
        try mustHold(
            stat.comm.elementsEqual(text[comm]) && stat.state == state, "the name or state is another")
        try mustHold(
            stat.parent == Int32(truncatingIfNeeded: field(4))
                && stat.flags == UInt32(truncatingIfNeeded: field(9))
                && stat.threads == UInt32(clamping: field(20)) && stat.startTicks == field(22),
            "a number is another")
        try mustHold(
            stat.startCode == address(26) && stat.endCode == address(27) && stat.startStack == address(28)
                && stat.startData == address(45) && stat.endData == address(46)
                && stat.startBrk == address(47) && stat.argStart == address(48)
                && stat.argEnd == address(49) && stat.envStart == address(50) && stat.envEnd == address(51),
            "an address is another")
        return true
    }

    /// The name, the state and the numbers from field 4 on; nil where that is not stat.
    private static func plainFields(
        _ text: UnsafeRawBufferPointer
    ) -> (comm: Range<Int>, state: UInt8, [UInt64])? {
        guard let open = text.firstIndex(of: UInt8(ascii: "(")),
            let close = text.lastIndex(of: UInt8(ascii: ")")), open < close
        else { return nil }
        var reader = PlainReader(text, close + 1..<text.count)
        reader.takeAll(" ", "\t")
        guard let state = reader.next, state != UInt8(ascii: "\n") else { return nil }
        while let byte = reader.next, ![0x20, 0x09, 0x0a].contains(byte) { reader.index += 1 }
        var numbers: [UInt64] = []
        while numbers.count < 48 {
            reader.takeAll(" ", "\t")
            _ = reader.take("-")
            guard let number = reader.number(radix: 10) else { break }
            numbers.append(number)
        }
        return numbers.count >= 19 ? (open + 1..<close, state, numbers) : nil
    }

    private static func checkStatm(_ text: UnsafeRawBufferPointer) throws(Violation) {
        var reader = PlainReader(text)
        var numbers: [UInt64] = []
        while numbers.count < 6 {
            reader.takeAll(" ", "\t")
            guard let number = reader.number(radix: 10) else { break }
            numbers.append(number >= 1 << 52 ? .max : number << 12)
        }
        let statm = try? Statm(parsing: text)
        try mustHold((statm != nil) == (numbers.count == 6), "statm of \(numbers.count) numbers")
        guard let statm else { return }
        try mustHold(
            [statm.sizeBytes, statm.residentBytes, statm.sharedBytes, statm.textBytes, statm.dataBytes]
                == [numbers[0], numbers[1], numbers[2], numbers[3], numbers[5]], "\(statm) of \(numbers)")
    }
}
