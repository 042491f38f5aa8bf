package import MemoryModel
package import Varlink

extension JSONWriter {
    /// A time as RFC 3339, straight into the buffer.
    package mutating func value(_ time: Timestamp) {
        plainString(count: 27) { time.writeRFC3339(into: $0) }
    }

    package mutating func value(_ time: Timestamp?) {
        if let time { value(time) } else { null() }
    }
}

extension Timestamp {
    /// Reads exactly the 27 characters that ``rfc3339`` writes. (What people type goes through TimeText.)
    package init?(rfc3339Written text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 27, bytes[26] == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[range] {
                guard byte &- UInt8(ascii: "0") < 10 else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            let fraction = number(20..<26), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        self.init(
            seconds: days * 86_400 + hour * 3_600 + minute * 60 + second, microseconds: fraction)
    }
}
