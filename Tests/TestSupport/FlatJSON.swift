/// Just enough JSON for the one flat object a line that memgrow prints: no nesting, no
/// fractions, no \u. Whatever else comes is an error, not a guess.
enum FlatJSON {
    enum Value: Sendable, Equatable {
        case string(String)
        case integer(Int64)
    }

    static func object(_ text: String) throws -> [String: Value] {
        var rest = Array(text.utf8)[...]
        func fail() -> TestFailure { TestFailure("not a flat JSON object: \(text)") }
        func take(_ byte: Character) throws {
            guard rest.first == byte.asciiValue else { throw fail() }
            rest.removeFirst()
        }
        func string() throws -> String {
            try take("\"")
            var bytes: [UInt8] = []
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "\"") { return String(decoding: bytes, as: UTF8.self) }
                if byte == UInt8(ascii: "\\") {
                    guard let escaped = rest.popFirst(), escaped == UInt8(ascii: "\"") || escaped == byte
                    else {
                        throw fail()
                    }
                    bytes.append(escaped)
                } else {
                    bytes.append(byte)
                }
            }
            throw fail()
        }
        var fields: [String: Value] = [:]
        try take("{")
        repeat {
            let key = try string()
            try take(":")
            if rest.first == UInt8(ascii: "\"") {
                fields[key] = .string(try string())
            } else {
                let digits = rest.prefix { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
                guard let number = Int64(String(decoding: digits, as: UTF8.self)) else { throw fail() }
                fields[key] = .integer(number)
                rest = rest.dropFirst(digits.count)
            }
        } while rest.popFirst() == UInt8(ascii: ",")
        return fields
    }
}
