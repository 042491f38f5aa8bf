import MemoryModel

/// When the memory that appeared under watch was born, piece by piece.
///
/// The kernel merges a new mapping with its neighbours, and so does the shadow map. What came and went
/// can only be told by what was born together, so that is kept beside it. Memory without an entry was there
/// before the watch began.
struct Births: Sendable {
    struct Birth: AddressRange, Hashable {
        var start: UInt64
        var end: UInt64
        /// CLOCK_MONOTONIC nanoseconds.
        var time: Int64
        /// The last time at which it is known to have been there.
        var known: Int64
    }

    /// A program that maps page after page makes one area of any number of births. Beyond this many the
    /// older half counts as having always been there: it is the young that come and go.
    static let limit = 4096

    private(set) var list = AddressList<Birth>()

    /// The range is new, whatever was known of it.
    mutating func add(_ start: UInt64, _ end: UInt64, at time: Int64) {
        cut(start, end, replacement: Birth(start: start, end: end, time: time, known: time))
        if list.count > Self.limit { forgetOlderHalf() }
    }

    /// The range is no more.
    mutating func remove(_ start: UInt64, _ end: UInt64) { cut(start, end, replacement: nil) }

    mutating func removeAll() { list = AddressList() }

    /// What the map does not cover is no more.
    mutating func keepOnly(_ map: [Region]) {
        guard !list.isEmpty else { return }
        var kept: [Birth] = []
        var area = 0
        for birth in list.elements {
            while area < map.count, map[area].end <= birth.start { area &+= 1 }
            var index = area
            while index < map.count, map[index].start < birth.end {
                var part = birth
                part.start = max(birth.start, map[index].start)
                part.end = min(birth.end, map[index].end)
                if let last = kept.last, last.end == part.start, last.time == part.time {
                    kept[kept.count &- 1].end = part.end
                } else if part.start < part.end {
                    kept.append(part)
                }
                index &+= 1
            }
        }
        list = AddressList(kept)
    }

    /// All that is left was seen again.
    mutating func seen(at time: Int64) { list.replaceAll { $0.known = max($0.known, time) } }

    /// The part of the youngest birth that lies within the range; of equals the lowest.
    func youngest(from start: UInt64, to end: UInt64) -> Birth? {
        var found: Birth?
        var time = Int64.min
        list.forEach(from: start, to: end) { birth in
            guard found == nil || birth.time > time else { return }
            found = birth
            time = birth.time
        }
        guard var found else { return nil }
        found.start = max(found.start, start)
        found.end = min(found.end, end)
        return found
    }

    /// The part of the lowest birth that lies within the range.
    func first(from start: UInt64, to end: UInt64) -> Birth? {
        let index = list.firstIndex(endingAbove: start)
        guard index < list.count, list[index].start < end else { return nil }
        var birth = list[index]
        birth.start = max(birth.start, start)
        birth.end = min(birth.end, end)
        return birth
    }

    /// The part of the highest birth that lies within the range.
    func last(from start: UInt64, to end: UInt64) -> Birth? {
        var index = list.firstIndex(endingAbove: end)
        if index < list.count, list[index].start < end { index &+= 1 }
        guard index > 0, list[index &- 1].end > start else { return nil }
        var birth = list[index &- 1]
        birth.start = max(birth.start, start)
        birth.end = min(birth.end, end)
        return birth
    }

    /// The last time at which the whole range is known to have been there; `otherwise` is that time for
    /// memory without an entry.
    func lastKnown(from start: UInt64, to end: UInt64, otherwise: Int64?) -> Int64? {
        var known: Int64?
        var position = start
        var index = list.firstIndex(endingAbove: start)
        while index < list.count, position < end {
            let birth = list[index]
            if birth.start > position { break }
            known = min(known ?? .max, birth.known)
            position = birth.end
            index &+= 1
        }
        if position >= end { return known }
        guard let otherwise else { return nil }
        return min(known ?? .max, otherwise)
    }

    private mutating func cut(_ start: UInt64, _ end: UInt64, replacement: Birth?) {
        let first = list.firstIndex(endingAbove: start)
        if first == list.count || list[first].start >= end {
            // The usual case: nothing was there.
            if let replacement { list.replace(first..<first, with: CollectionOfOne(replacement)) }
            return
        }
        var next = first
        var parts: [Birth] = []
        while next < list.count {
            let birth = list[next]
            if birth.start >= end { break }
            if birth.start < start {
                var head = birth
                head.end = start
                parts.append(head)
            }
            if birth.end > end {
                var tail = birth
                tail.start = end
                parts.append(tail)
            }
            next &+= 1
        }
        if let replacement {
            let place = parts.firstIndex { $0.start >= end } ?? parts.count
            parts.insert(replacement, at: place)
        }
        list.replace(first..<next, with: parts)
    }

    private mutating func forgetOlderHalf() {
        let all = list.elements
        let times = all.map(\.time).sorted()
        let median = times[times.count / 2]
        list = AddressList(all.filter { $0.time > median })
    }
}
