import MemoryModel
import Testing

@testable import MemwatchDaemon
@testable import Tracing

@Suite("Alerts begin once and end once")
struct AlertBookTests {
    private let identity = ProcessIdentity(bootID: "boot", pid: 812, startTicks: 1, pidfdInode: 7)
    private static let begin = Timestamp(seconds: 1_795_401_060)

    /// A book that is asked about one process second by second.
    private struct Asked {
        var book: AlertBook
        let identity: ProcessIdentity
        /// `+threshold heap` where one begins, `-threshold heap` where it ends, with the second.
        private(set) var told: [String] = []
        private(set) var events: [MemoryEvent] = []

        init(_ settings: AlertSettings, _ identity: ProcessIdentity) {
            book = AlertBook(settings, maxMapCount: 65_530)
            self.identity = identity
        }

        mutating func look(_ second: Int, _ change: (inout Observation, inout Sample) -> Void) {
            let time = Timestamp(seconds: AlertBookTests.begin.microseconds / 1_000_000 + Int64(second))
            var observation = Observation(target: TargetID(rawValue: 1), identity: identity, time: time)
            var sample = Sample(time: time, pid: identity.pid)
            sample.kinds = KindTotals()
            sample.vmSizeBytes = 1 << 20
            sample.stackLimitBytes = 8 << 20
            sample.regionCount = 44
            sample.isConsistent = true
            change(&observation, &sample)
            observation.sample = sample
            for event in book.alerts(from: observation, comm: Array("nginx".utf8)) {
                events.append(event)
                let sign = event.isCleared ? "-" : "+"
                told.append("\(second) \(sign)\(event.type.name)\(event.kind.map { " " + $0.name } ?? "")")
            }
        }

        mutating func heap(_ second: Int, _ bytes: UInt64) { look(second) { $1.kinds?[.heap] = bytes } }
    }

    private func asked(_ change: (inout AlertSettings) throws -> Void) rethrows -> Asked {
        var settings = AlertSettings()
        try change(&settings)
        return Asked(settings, identity)
    }

    private let gibibyte: UInt64 = 1 << 30

    @Test(
        "a threshold begins when it has held for its span, and ends when it has been well below for as long")
    func threshold() throws {
        var asked = try asked { $0.thresholds = [try ThresholdRule("heap > 2GiB for 5m")] }
        for second in 0..<299 { asked.heap(second, 3 * gibibyte) }
        #expect(asked.told == [])
        // A break begins the span anew.
        asked.heap(299, gibibyte)
        for second in 300...600 { asked.heap(second, 3 * gibibyte) }
        #expect(asked.told == ["600 +threshold heap"])
        for second in 601...700 { asked.heap(second, 3 * gibibyte) }
        // Trembling about it changes nothing: only below nine tenths is below.
        for second in 701...900 { asked.heap(second, second % 2 == 0 ? 2 * gibibyte + 1 : 2 * gibibyte - 1) }
        #expect(asked.told.count == 1)
        for second in 901...960 { asked.heap(second, gibibyte) }
        #expect(asked.told.count == 1)
        asked.heap(961, gibibyte)
        #expect(asked.told == ["600 +threshold heap", "961 -threshold heap"])
        let fired = asked.events[0]
        #expect(fired.size == 3 * gibibyte && fired.delta == nil && fired.count == nil)
        #expect(fired.path == Array("heap > 2GiB for 5m".utf8) && fired.comm == Array("nginx".utf8))
        #expect(asked.events[1].isCleared && asked.events[1].size == gibibyte)
    }

    @Test("without a span it begins at once, and what cannot be read fires nothing")
    func atOnce() throws {
        var asked = try asked { $0.thresholds = [try ThresholdRule("rss > 1MiB")] }
        asked.look(0) { $1.rssBytes = nil }
        asked.look(1) { $1.rssBytes = 2 << 20 }
        asked.look(2) { $1.rssBytes = nil }
        #expect(asked.told == ["1 +threshold"])
        // A torn look's sizes do not add up.
        asked.look(3) {
            $1.rssBytes = 0
            $1.isConsistent = false
        }
        #expect(asked.told.count == 1)
    }

    @Test("growth is judged over its span, by the median slope")
    func growth() throws {
        var asked = try asked { $0.thresholds = [try ThresholdRule("heap grows > 30MiB/min for 2m")] }
        // One leap is no growth.
        for second in 0...200 { asked.heap(second, second < 100 ? gibibyte : 2 * gibibyte) }
        #expect(asked.told == [])
        for second in 201...400 { asked.heap(second, 2 * gibibyte + UInt64(second) << 20) }
        #expect(asked.told.count == 1 && asked.told[0].hasSuffix("+threshold heap"))
        for second in 401...700 { asked.heap(second, 3 * gibibyte) }
        #expect(asked.told.count == 2 && asked.told[1].hasSuffix("-threshold heap"))
    }

    @Test("the stack and the number of maps near their limits; no limit is near none")
    func limits() throws {
        var asked = asked { _ in }
        asked.look(0) { $1.kinds?[.stack] = 6 << 20 }
        asked.look(1) { $1.kinds?[.stack] = 7 << 20 }
        asked.look(2) { $1.kinds?[.stack] = 1 << 20 }
        asked.look(3) { $1.regionCount = 60_000 }
        asked.look(4) { $1.regionCount = 60_001 }
        asked.look(5) { $1.regionCount = 100 }
        #expect(
            asked.told == [
                "1 +stack-near-limit stack", "2 -stack-near-limit stack", "3 +maps-near-limit",
                "5 -maps-near-limit",
            ])
        #expect(asked.events[2].path == Array("60000 of 65530".utf8))
        asked.look(6) {
            $1.kinds?[.stack] = 1 << 40
            $1.stackLimitBytes = .max
        }
        asked.look(7) {
            $1.kinds?[.stack] = 1 << 40
            $1.stackLimitBytes = nil
        }
        #expect(asked.told.count == 4)
        var never = self.asked {
            $0.stackNearLimit = 0
            $0.mapsNearLimit = 0
        }
        never.look(0) {
            $1.kinds?[.stack] = 8 << 20
            $1.regionCount = 65_530
        }
        #expect(never.told == [])
    }

    @Test("a kind that grows all through the span is suspected, a cache that is full is not")
    func leak() throws {
        var asked = asked { $0.leakMicroseconds = 600_000_000 }
        for second in 0...700 {
            asked.look(second) {
                $1.kinds?[.heap] = gibibyte + UInt64(second) << 20
                $1.kinds?[.anon] = UInt64(min(second, 200)) << 20
            }
        }
        #expect(asked.told.count == 1 && asked.told[0].hasSuffix("+leak-suspected heap"))
        #expect(asked.events[0].path == Array("+3.5 GiB an hour".utf8))
        for second in 701...1_600 { asked.heap(second, 2 * gibibyte) }
        #expect(asked.told.count == 2 && asked.told[1].hasSuffix("-leak-suspected heap"))
    }

    @Test("memory that is writable and executable begins it, and its last region's end ends it")
    func writableExecutable() throws {
        func region(_ start: UInt64, _ permissions: Permissions) -> ObservedRegion {
            var paths = PathTable()
            let path = paths.intern(Array("/x".utf8))
            return ObservedRegion(
                Region(
                    start: start, end: start + 4_096, permissions: permissions, offset: 0, device: .none,
                    inode: 0,
                    path: path, kind: .jit), paths)
        }
        var asked = asked { $0.writableExecutable = true }
        asked.look(0) { observation, _ in observation.born = [region(4_096, [.read, .execute])] }
        asked.look(1) { observation, _ in observation.born = [region(8_192, [.read, .write, .execute])] }
        asked.look(2) { observation, _ in observation.born = [region(12_288, [.write, .execute])] }
        asked.look(3) { observation, _ in observation.died = [region(8_192, [.read, .write, .execute])] }
        #expect(asked.told == ["1 +writable-executable jit"])
        #expect(asked.events[0].start == 8_192 && asked.events[0].path == Array("/x".utf8))
        asked.look(4) { observation, _ in observation.died = [region(12_288, [.write, .execute])] }
        #expect(asked.told == ["1 +writable-executable jit", "4 -writable-executable"])
    }

    @Test("an exec ends what was on and begins anew, an end forgets, and a reload keeps what is still asked")
    func lifetimes() throws {
        let rule = try ThresholdRule("heap > 1GiB")
        var asked = asked { $0.thresholds = [rule] }
        asked.heap(0, 2 * gibibyte)
        #expect(asked.book.active == [.threshold: 1])
        var settings = asked.book.settings
        settings.stackNearLimit = 0
        asked.book.settings = settings
        asked.heap(1, 2 * gibibyte)
        #expect(asked.told == ["0 +threshold heap"])
        asked.look(2) { [identity] observation, sample in
            observation.events = [
                MemoryEvent(time: observation.time, pid: identity.pid, comm: [], type: .exec)
            ]
            sample.kinds?[.heap] = 2 * gibibyte
        }
        #expect(asked.told == ["0 +threshold heap", "2 -threshold heap", "2 +threshold heap"])
        settings.thresholds = []
        asked.book.settings = settings
        #expect(asked.book.active == [:])
        settings.thresholds = [rule]
        asked.book.settings = settings
        asked.heap(3, 2 * gibibyte)
        asked.look(4) { observation, _ in observation.ended = .exited }
        #expect(asked.told.count == 4 && asked.book.active == [:])
        asked.heap(5, 2 * gibibyte)
        asked.look(6) { [identity] observation, _ in
            observation.events = [
                MemoryEvent(time: observation.time, pid: identity.pid, comm: [], type: .detached)
            ]
        }
        #expect(asked.told.count == 5 && asked.book.active == [:])
    }

    @Test("what an earlier daemon told goes on: it does not begin again, and it ends")
    func resumes() throws {
        var before = try asked {
            $0.thresholds = [try ThresholdRule("heap > 1GiB"), try ThresholdRule("anon > 1GiB")]
            $0.writableExecutable = true
        }
        let code = Region(
            start: 4_096, end: 8_192, permissions: [.write, .execute], offset: 0, device: .none, inode: 0,
            path: .none, kind: .jit)
        func all(_ observation: inout Observation, _ sample: inout Sample) {
            sample.kinds?[.heap] = 2 * gibibyte
            sample.kinds?[.anon] = 2 * gibibyte
            sample.kinds?[.stack] = 8 << 20
            sample.regionCount = 65_000
        }
        before.look(0) {
            all(&$0, &$1)
            $0.born = [ObservedRegion(code, PathTable())]
        }
        before.look(1) {
            all(&$0, &$1)
            $1.kinds?[.anon] = 0
        }
        #expect(before.told.count == 6 && before.told.last == "1 -threshold anon")
        // Only one of the thresholds is asked for by then.
        var settings = before.book.settings
        settings.thresholds.removeLast()
        var after = Asked(settings, identity)
        after.book.resume(identity, before.events, regions: [code])
        #expect(after.book.active == before.book.active && after.book.active.count == 4)
        after.look(10, all)
        #expect(after.told == [])
        after.look(11) { observation, _ in observation.died = [ObservedRegion(code, PathTable())] }
        #expect(
            after.told == [
                "11 -writable-executable", "11 -threshold heap", "11 -stack-near-limit stack",
                "11 -maps-near-limit",
            ])
        #expect(after.book.active == [:])
    }

    @Test("a clock that is set back delays an alert and does not make or hide one")
    func clock() throws {
        var asked = try asked { $0.thresholds = [try ThresholdRule("heap > 1GiB for 1m")] }
        asked.heap(1_000, 2 * gibibyte)
        asked.heap(0, 2 * gibibyte)
        asked.heap(59, 2 * gibibyte)
        #expect(asked.told == [])
        asked.heap(60, 2 * gibibyte)
        #expect(asked.told == ["60 +threshold heap"])
    }

    @Test("a unit's instance is named by the alert and the pid, whatever the process is called")
    func unit() throws {
        var alert = MemoryEvent(
            time: Self.begin, pid: 812, comm: Array("; rm -rf /".utf8), type: .leakSuspected)
        alert.path = Array("$(x)".utf8)
        #expect(
            AlertUnit.instance(of: "memwatch-alert@.service", for: alert)
                == "memwatch-alert@leak-suspected-812.service")
        #expect(AlertUnit.instance(of: "", for: alert) == nil)
    }
}
