/// Something that lies at a range of addresses.
protocol AddressRange {
    var start: UInt64 { get }
    var end: UInt64 { get }
}

/// Ranges in ascending order, never overlapping, cheap to change at any place.
///
/// Kept in chunks, so that a change moves some hundreds of elements wherever it is: in one array of 30,000
/// areas each record would move a megabyte, and a thousand records take 0.2 s. Copies share all chunks but
/// those that are changed afterwards.
struct AddressList<Element: AddressRange & Sendable>: Sendable {
    /// None is empty.
    private var chunks: [[Element]] = []
    /// How many elements are before each chunk.
    private var offsets: [Int] = []
    private(set) var count = 0

    private static var usualChunk: Int { 256 }
    private static var largestChunk: Int { 1024 }

    /// Takes the array as it is; it is cut up when it is first changed.
    init(_ elements: [Element] = []) {
        guard !elements.isEmpty else { return }
        chunks = [elements]
        offsets = [0]
        count = elements.count
    }

    var isEmpty: Bool { count == 0 }
    var first: Element? { chunks.first?.first }

    subscript(index: Int) -> Element {
        let chunk = chunkIndex(of: index)
        return chunks[chunk][index &- offsets[chunk]]
    }

    var elements: [Element] { chunks.count == 1 ? chunks[0] : Array(chunks.joined()) }

    /// The first element that ends above `address`; ``count`` where there is none.
    func firstIndex(endingAbove address: UInt64) -> Int {
        let chunk = Self.partition(chunks.count) { (chunks[$0].last?.end ?? 0) <= address }
        guard chunk < chunks.count else { return count }
        return offsets[chunk] &+ chunks[chunk].firstIndex(endingAbove: address)
    }

    /// Calls `body` with each element that overlaps the range, in order.
    func forEach(from start: UInt64, to end: UInt64, _ body: (Element) -> Void) {
        var chunk = Self.partition(chunks.count) { (chunks[$0].last?.end ?? 0) <= start }
        guard chunk < chunks.count else { return }
        var index = chunks[chunk].firstIndex(endingAbove: start)
        while chunk < chunks.count {
            for element in chunks[chunk][index...] {
                if element.start >= end { return }
                body(element)
            }
            chunk &+= 1
            index = 0
        }
    }

    mutating func replace(_ range: Range<Int>, with new: some Collection<Element>) {
        guard !isEmpty else {
            self = AddressList(Array(new))
            return
        }
        var first = chunkIndex(of: range.lowerBound)
        if chunks[first].count > Self.largestChunk {
            cutUp(first)
            first = chunkIndex(of: range.lowerBound)
        }
        let start = range.lowerBound &- offsets[first]
        let difference = new.count &- range.count
        count &+= difference
        if start &+ range.count <= chunks[first].count {
            chunks[first].replaceSubrange(start..<start &+ range.count, with: new)
            if chunks[first].isEmpty {
                chunks.remove(at: first)
                countOffsets()
            } else if difference != 0 {
                for index in first &+ 1..<offsets.count { offsets[index] &+= difference }
            }
            return
        }
        let last = chunkIndex(of: range.upperBound &- 1)
        chunks[first].replaceSubrange(start..., with: new)
        chunks[last].removeSubrange(..<(range.upperBound &- offsets[last]))
        chunks.removeSubrange(first &+ 1..<last)
        chunks.removeAll(where: \.isEmpty)
        countOffsets()
    }

    mutating func replaceAll(_ change: (inout Element) -> Void) {
        for chunk in chunks.indices {
            for index in chunks[chunk].indices { change(&chunks[chunk][index]) }
        }
    }

    /// The chunk that holds the element; the last one for ``count``.
    private func chunkIndex(of index: Int) -> Int {
        Self.partition(offsets.count) { offsets[$0] <= index } &- 1
    }

    private mutating func cutUp(_ index: Int) {
        let chunk = chunks[index]
        let pieces = stride(from: 0, to: chunk.count, by: Self.usualChunk).map { start in
            Array(chunk[start..<min(start &+ Self.usualChunk, chunk.count)])
        }
        chunks.replaceSubrange(index...index, with: pieces)
        countOffsets()
    }

    private mutating func countOffsets() {
        offsets.removeAll(keepingCapacity: true)
        var sum = 0
        for chunk in chunks {
            offsets.append(sum)
            sum &+= chunk.count
        }
    }

    /// The first of `0..<count` that is not `below`; all that are come first.
    private static func partition(_ count: Int, where below: (Int) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) / 2
            if below(middle) { low = middle &+ 1 } else { high = middle }
        }
        return low
    }
}

extension Array where Element: AddressRange {
    /// The first element that ends above `address`; `count` where there is none.
    func firstIndex(endingAbove address: UInt64) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) / 2
            if self[middle].end <= address { low = middle &+ 1 } else { high = middle }
        }
        return low
    }
}
