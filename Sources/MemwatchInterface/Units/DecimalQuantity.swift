/// A number with a unit behind it, such as `1.5GiB`: the part that durations and sizes share.
struct DecimalQuantity {
    /// All digits, the point left out: 15 for `1.5`.
    var digits: UInt128
    /// 10 to the power of the number of digits behind the point.
    var scale: UInt128
    /// What follows the number, exactly as written.
    var unit: Substring

    /// nil unless `text` begins with digits, at most one point with digits on both sides of it.
    ///
    /// 20 digits before the point reach past 64 bits and 18 behind it past any unit's
    /// resolution, so that longer numbers are refused rather than overflowed: `.tooLong`.
    init?(_ text: some StringProtocol, isTooLong: inout Bool) {
        let all = Substring(text).utf8
        var rest = all
        var whole = 0
        var fraction = 0
        digits = 0
        scale = 1
        isTooLong = false
        while let byte = rest.first, (0x30...0x39).contains(byte) {
            rest.removeFirst()
            // Leading zeros are no digits to count.
            whole += whole == 0 && byte == 0x30 ? 0 : 1
            if whole > 20 { isTooLong = true } else { digits = digits * 10 + UInt128(byte - 0x30) }
        }
        guard rest.startIndex != all.startIndex else { return nil }
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            var zeros = 0
            let start = rest.startIndex
            while let byte = rest.first, (0x30...0x39).contains(byte) {
                rest.removeFirst()
                if byte == 0x30 {
                    zeros += 1
                    continue
                }
                // Zeros count only once a digit follows them: 1.500 is 1.5.
                fraction += zeros + 1
                if fraction > 18 {
                    isTooLong = true
                } else {
                    for _ in 0..<zeros {
                        digits *= 10
                        scale *= 10
                    }
                    digits = digits * 10 + UInt128(byte - 0x30)
                    scale *= 10
                }
                zeros = 0
            }
            guard rest.startIndex != start else { return nil }
        }
        unit = Substring(rest)
    }

    enum Product {
        case exact(UInt64)
        /// Less than one of the smallest unit would be left over.
        case inexact
        case overflow
    }

    /// The number times `factor`, which must not exceed 2^60: 38 digits and 60 bits need not fit in 128 bits.
    func times(_ factor: UInt64) -> Product {
        let (product, overflow) = digits.multipliedReportingOverflow(by: UInt128(factor))
        if overflow { return .overflow }
        let (quotient, remainder) = product.quotientAndRemainder(dividingBy: scale)
        guard let value = UInt64(exactly: quotient) else { return .overflow }
        return remainder == 0 ? .exact(value) : .inexact
    }
}
