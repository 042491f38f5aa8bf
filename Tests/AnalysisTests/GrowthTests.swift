import Testing

@testable import Analysis

private let mebibyte: UInt64 = 1 << 20

@Suite("What a size did over time")
struct GrowthTests {
    private func growth(_ sizes: [UInt64], every seconds: Double = 1) throws -> Growth {
        try #require(Growth(Series(every: seconds, sizes)))
    }

    @Test("what rises by a step at a time and never gives back is a leak, with high confidence")
    func leak() throws {
        let leak = try growth((0..<120).map { 10 * mebibyte + UInt64($0) * 65_536 })
        #expect(leak.shape == .growing)
        #expect(leak.isLeakSuspected && leak.confidence == .high)
        #expect(leak.slope?.bytesPerSecond == 65_536)
        #expect(leak.steps == 119 && leak.fallen == 0 && leak.net == 119 * 65_536)
        #expect(leak.seconds(untilGrownBy: 65_536 * 600) == 600)
    }

    @Test("a leak in rare large steps is one too, with less confidence")
    func rareSteps() throws {
        let leak = try growth((0..<120).map { mebibyte + UInt64($0 / 15) * mebibyte })
        #expect(leak.shape == .growing && leak.isLeakSuspected)
        #expect(leak.confidence == .medium)
    }

    @Test("a cache that fills and stays is no leak, and it is known since when it stays")
    func filled() throws {
        let cache = try growth((0..<100).map { min(UInt64($0), 40) * mebibyte })
        #expect(cache.shape == .filled && !cache.isLeakSuspected && cache.confidence == nil)
        #expect(cache.grewUntil == 40)
        #expect(cache.seconds(untilGrownBy: 1) == nil)
    }

    @Test("a cache that is still filling cannot be told from a leak, and is called one")
    func filling() throws {
        #expect(try growth((0..<40).map { UInt64($0) * mebibyte }).isLeakSuspected)
    }

    @Test("what comes and goes between the same bounds is a sawtooth", arguments: [5, 10, 23])
    func sawtooth(period: Int) throws {
        let sawtooth = try growth((0..<120).map { mebibyte + UInt64($0 % period) * mebibyte })
        #expect(sawtooth.shape == .sawtooth && !sawtooth.isLeakSuspected)
    }

    @Test("what comes and goes and leaves more each time is suspected too")
    func risingFloor() throws {
        let sizes = (0..<120).map { UInt64($0 % 10) * 2 * mebibyte + UInt64($0 / 10) * 4 * mebibyte }
        let rising = try growth(sizes)
        #expect(rising.shape == .risingFloor && rising.isLeakSuspected)
    }

    @Test("allocators' pages here and there are no growth")
    func flat() throws {
        let flat = try growth((0..<100).map { 50 * mebibyte + UInt64($0 * 7 % 13) * 4_096 })
        #expect(flat.shape == .flat && !flat.isLeakSuspected)
        #expect(try growth([5, 5, 5]).shape == .flat)
        #expect(try growth([5]).shape == .flat)
    }

    @Test("a hundredth more of a large size is no growth, the same more of a small one is")
    func relative() throws {
        #expect(try growth((0..<50).map { (1 << 34) + UInt64($0) * mebibyte }).shape == .flat)
        #expect(try growth((0..<50).map { (1 << 24) + UInt64($0) * mebibyte }).shape == .growing)
    }

    @Test("what falls and stays down has shrunk")
    func shrunk() throws {
        #expect(try growth((0..<60).map { $0 < 20 ? 40 * mebibyte : 4 * mebibyte }).shape == .shrunk)
    }

    @Test("a few looks say nothing but the difference")
    func unclear() throws {
        let two = try growth([mebibyte, 9 * mebibyte])
        #expect(two.shape == .unclear && two.slope == nil && two.net == Int64(8 * mebibyte))
        #expect(Growth(Series()) == nil)
    }

    @Test("sizes as large as there are do not trap")
    func extremes() throws {
        let sizes: [UInt64] = [0, 1 << 63, 0, .max / 2 + 7, 1, 1 << 62, 0]
        #expect(try growth(sizes).maximum >= 1 << 63)
    }
}

@Suite("A robust slope")
struct RobustSlopeTests {
    @Test("one leap does not move it, nor a quarter of odd looks")
    func outliers() throws {
        var sizes = (0..<101).map { UInt64($0) * 1_000 }
        sizes[50] = 900_000_000
        for index in stride(from: 3, to: 100, by: 5) { sizes[index] = 0 }
        let slope = try #require(RobustSlope(Series(every: 1, sizes)))
        #expect(abs(slope.bytesPerSecond - 1_000) < 200)
    }

    @Test("its spread holds four fifths of all pairs, and says when growth is not sure")
    func spread() throws {
        let steady = try #require(RobustSlope(Series(every: 2, (0..<50).map { UInt64($0) * 2_000 })))
        #expect(steady.low == 1_000 && steady.high == 1_000)
        let unsure = try #require(
            RobustSlope(Series(every: 1, (0..<50).map { $0 % 2 == 0 ? 0 : 1_000_000 })))
        #expect(unsure.low < 0 && unsure.high > 0)
    }

    @Test("a year of looks costs no more than two hundred")
    func long() throws {
        let slope = try #require(RobustSlope(Series(every: 60, (0..<525_600).map { UInt64($0) * 60 })))
        #expect(abs(slope.bytesPerSecond - 1) < 0.01)
    }

    @Test("two points are a line whatever they are, so they are none")
    func tooFew() { #expect(RobustSlope(Series(every: 1, [1, 2])) == nil) }
}

@Suite("A series")
struct SeriesTests {
    @Test("thinned, it keeps its first and its last point, and the order")
    func thinned() {
        let series = Series(every: 1, (0..<1_000).map { UInt64($0) }).thinned(to: 50)
        #expect(series.points.count <= 50 && series.points.count > 40)
        #expect(series.points.first?.bytes == 0 && series.points.last?.bytes == 999)
        #expect(zip(series.points, series.points.dropFirst()).allSatisfy { $0.seconds < $1.seconds })
        #expect(Series(every: 1, [1, 2]).thinned(to: 50).points.count == 2)
    }

    @Test("a clock that was set back makes no point before the last one")
    func setBack() {
        var series = Series()
        for seconds in [0, 10, 4, 11] { series.append(seconds: Double(seconds), UInt64(seconds)) }
        #expect(series.points.map(\.seconds) == [0, 10, 11])
        #expect(series.points.map(\.bytes) == [0, 4, 11])
    }

    @Test("floors and ceilings are of equal spans of time, and nil where there was no look")
    func floors() {
        var series = Series()
        for (seconds, bytes) in [(0.0, 5), (1, 3), (9, 8), (10, 7)] as [(Double, UInt64)] {
            series.append(seconds: seconds, bytes)
        }
        #expect(series.floors(5) == [3, nil, nil, nil, 7])
        #expect(series.ceilings(5) == [5, nil, nil, nil, 8])
    }
}
