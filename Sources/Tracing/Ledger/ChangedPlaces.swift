/// Where a map has changed since it was last asked, so that whoever keeps a copy need not compare all of it.
struct ChangedPlaces: Sendable {
    /// Beyond, a comparison of the whole is cheaper.
    static let limit = 1_024

    private(set) var isEverywhere = true
    private(set) var places: [Range<UInt64>] = []

    mutating func add(_ start: UInt64, _ end: UInt64) {
        guard !isEverywhere, start < end else { return }
        if let last = places.last, last.lowerBound <= start, end <= last.upperBound { return }
        places.append(start..<end)
        if places.count > Self.limit { addEverything() }
    }

    mutating func addEverything() {
        isEverywhere = true
        places = []
    }

    /// From here on nothing has changed.
    mutating func clear() {
        isEverywhere = false
        places = []
    }
}
