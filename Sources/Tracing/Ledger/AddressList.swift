/// Something that lies at a range of addresses.
protocol AddressRange {
    var start: UInt64 { get }
    var end: UInt64 { get }
}

/// Ranges in ascending order, never overlapping, cheap to change in many places near each other.
///
/// Kept as two arrays with the gap between them, the upper one reversed: a change moves only what lies
/// between it and the one before. Mapping calls come in runs at neighbouring addresses (new mappings are
/// placed right below the last ones), so that a change in a map of 30,000 areas moves a handful of them,
/// where a plain array would move 2 MB.
struct AddressList<Element: AddressRange & Sendable>: Sendable {
    private var lower: [Element] = []
    private var upper: [Element] = []

    init(_ elements: [Element] = []) { lower = elements }

    var count: Int { lower.count &+ upper.count }
    var isEmpty: Bool { count == 0 }
    var first: Element? { lower.first ?? upper.last }

    subscript(index: Int) -> Element {
        index < lower.count ? lower[index] : upper[upper.count &- 1 &- (index &- lower.count)]
    }

    var elements: [Element] { upper.isEmpty ? lower : lower + upper.reversed() }

    /// The first element that ends above `address`; ``count`` where there is none.
    func firstIndex(endingAbove address: UInt64) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) / 2
            if self[middle].end <= address { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    mutating func replace(_ range: Range<Int>, with elements: some Sequence<Element>) {
        while lower.count > range.upperBound, let element = lower.popLast() { upper.append(element) }
        while lower.count < range.upperBound, let element = upper.popLast() { lower.append(element) }
        lower.removeLast(min(range.count, lower.count))
        lower.append(contentsOf: elements)
    }

    mutating func replaceAll(_ change: (inout Element) -> Void) {
        for index in lower.indices { change(&lower[index]) }
        for index in upper.indices { change(&upper[index]) }
    }
}
