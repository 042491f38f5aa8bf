import TestSupport

extension [UInt8] {
    /// These bytes after one to four random damages: bits flipped, pieces removed, doubled or replaced.
    func damaged(using random: inout Seeded) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let index = Int.random(in: 0...bytes.count, using: &random)
            let end = Swift.min(bytes.count, index + Int.random(in: 0...8, using: &random))
            switch UInt8.random(in: 0..<5, using: &random) {
            case 0 where index < bytes.count: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.removeSubrange(index..<end)
            case 2: bytes.insert(contentsOf: bytes[index..<end], at: index)
            case 3: bytes.insert(syntax[Int.random(in: 0..<syntax.count, using: &random)], at: index)
            default: bytes.insert(UInt8.random(in: 1...255, using: &random), at: index)
            }
        }
        return bytes
    }
}

private let syntax = Array(#"{}[]",:\0-1e9nullt"#.utf8)
