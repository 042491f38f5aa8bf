import TestSupport

/// Inputs like those of the corpus, changed at random but the same in every run.
enum Mutation {
    static func mutated(_ seeds: [[UInt8]], upTo limit: Int, using random: inout Seeded) -> [UInt8] {
        var bytes = seeds.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            let length = min(Int.random(in: 1...16, using: &random), bytes.count - place)
            switch Int.random(in: 0..<8, using: &random) {
            case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where place < bytes.count: bytes[place] = meaningful.randomElement(using: &random) ?? 0
            case 2: bytes.removeSubrange(place..<(place + length))
            case 3: bytes.insert(contentsOf: bytes[place..<(place + length)], at: place)
            case 4: bytes.insert(contentsOf: largeNumbers.randomElement(using: &random) ?? [], at: place)
            case 5 where Bool.random(using: &random): bytes.removeSubrange(place...)
            case 6:
                // The beginning of one and the end of another.
                let other = seeds.randomElement(using: &random) ?? []
                bytes = Array(bytes[..<place] + other.suffix(Int.random(in: 0...other.count, using: &random)))
            default: bytes.insert(meaningful.randomElement(using: &random) ?? 0, at: place)
            }
        }
        return Array(bytes.prefix(limit))
    }

    private static let meaningful =
        Array("\n \t)(:-+.,[]{}\"\\*?09afkBZT@x".utf8) + [0, 0x1b, 0x7f, 0x80, 0xc3, 0xff]
    private static let largeNumbers = [
        "18446744073709551615", "18446744073709551616", "9223372036854775807", "ffffffffffffffff",
        "10000000000000000", "4294967296", "99999999999999999999", "0000000000000000000000", "-1",
    ].map { Array($0.utf8) }
}
