/// How many rows each block of the drawing gets.
///
/// On a scale of logarithms: a stack of 132 KiB and a reservation of 64 GiB stand on one page, and both are seen.
enum MapHeights {
    /// - Parameters:
    ///   - sizes: bytes of each block.
    ///   - rows: to be shared out; every block has at least one, also where there are fewer.
    static func of(_ sizes: [UInt64], rows: Int) -> [Int] {
        var heights = [Int](repeating: 1, count: sizes.count)
        let weights = sizes.map { size in 1 + log2(size >> 12) }
        for _ in 0..<max(0, rows - sizes.count) {
            // To whom a row more would leave most for each of his rows.
            guard
                let next = heights.indices.max(by: { a, b in
                    weights[a] * (heights[b] + 1) < weights[b] * (heights[a] + 1)
                })
            else { break }
            heights[next] += 1
        }
        return heights
    }

    private static func log2(_ value: UInt64) -> Int {
        value == 0 ? 0 : UInt64.bitWidth - value.leadingZeroBitCount
    }
}
