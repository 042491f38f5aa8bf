import MemoryModel

/// A stretch of anonymous memory that a rule says something about.
struct Claim {
    var start: UInt64
    var end: UInt64
    var kind: RegionKind
    var tid: Int32 = 0
}

/// What one family of rules claims: ascending and without overlap, read from low to high
/// in step with the areas.
struct Claims {
    private(set) var list: [Claim]
    private var cursor = 0

    /// Sorts; of two claims that overlap the lower one keeps its bytes.
    init(_ claims: [Claim] = []) {
        list = []
        list.reserveCapacity(claims.count)
        var last: UInt64 = 0
        for claim in claims.sorted(by: { ($0.start, $0.end) < ($1.start, $1.end) }) where claim.end > last {
            var claim = claim
            claim.start = max(claim.start, last)
            if claim.start >= claim.end { continue }
            list.append(claim)
            last = claim.end
        }
    }

    /// The first claim that ends above `address`. Addresses must be asked in ascending order.
    mutating func next(from address: UInt64) -> Claim? {
        while cursor < list.count, list[cursor].end <= address { cursor += 1 }
        return cursor < list.count ? list[cursor] : nil
    }

    func contains(_ address: UInt64) -> Bool {
        let index = firstIndex(endingAfter: address)
        return index < list.count && list[index].start <= address
    }

    /// The widest stretch around `address`, within `bounds`, that nothing here claims.
    func gap(around address: UInt64, within bounds: Range<UInt64>) -> Range<UInt64>? {
        guard bounds.contains(address) else { return nil }
        let index = firstIndex(endingAfter: address)
        var low = bounds.lowerBound
        var high = bounds.upperBound
        if index < list.count {
            if list[index].start <= address { return nil }
            high = min(high, list[index].start)
        }
        if index > 0 { low = max(low, list[index - 1].end) }
        return low..<high
    }

    private func firstIndex(endingAfter address: UInt64) -> Int {
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) / 2
            if list[middle].end <= address { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
