import MemoryModel
import MemwatchInterface
import Testing

@testable import MemwatchCLI

@Suite("What watch shows")
struct WatchModelTests {
    private let begin = Examples.time

    private func time(_ seconds: Double) -> Timestamp {
        Timestamp(microseconds: begin.microseconds + Int64(seconds * 1e6))
    }

    /// A target with a heap that grows a MiB a second, and one that stands still.
    private func model(_ seconds: Int, isSingle: Bool = false) -> WatchModel {
        var model = WatchModel(isSingle: isSingle, time: begin)
        for second in 0...seconds {
            var growing = Examples.sample(pid: 812, at: time(Double(second)))
            growing.sample.kinds?[.heap] = UInt64(second) << 20
            growing.sample.vmSizeBytes = (12 << 20) + UInt64(second) << 20
            let still = Examples.sample(pid: 90, at: time(Double(second)))
            var watched = [WatchedRecord(target: Examples.target(pid: 812), sample: growing)]
            if !isSingle { watched.append(WatchedRecord(target: Examples.target(pid: 90), sample: still)) }
            model.update(at: time(Double(second)), watched, second == 3 ? [Examples.event(pid: 812)] : [])
        }
        return model
    }

    @Test("a track remembers five minutes, and what came in the last one")
    func track() {
        var track = Track()
        #expect(track.changeInLastMinute == nil)
        for second in 0...600 { track.append(UInt64(second) * 100, at: time(Double(second))) }
        #expect(track.changeInLastMinute == 6_000)
        let values = track.values(5, until: time(600))
        #expect(values == [36_000, 42_000, 48_000, 54_000, 60_000])
        // A clock that was set back begins anew.
        track.append(7, at: time(10))
        #expect(track.changeInLastMinute == nil && track.last == 7)
    }

    @Test("before there was anything the line is blank, and the newest value is never lost")
    func shortTrack() {
        var track = Track()
        track.append(1, at: time(0))
        track.append(9, at: time(0.5))
        #expect(track.values(4, until: time(0.5)) == [nil, nil, nil, 9])
        #expect(track.values(0, until: time(1)) == [])
        #expect(Track().values(2, until: time(1)) == [nil, nil])
    }

    @Test("a sparkline goes from the lowest to the highest, and is flat where nothing moves")
    func sparkline() {
        #expect(Sparkline.text([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█")
        #expect(Sparkline.text([nil, 5, 5, 5]) == " ▁▁▁")
        #expect(Sparkline.text([0, .max]) == "▁█")
        #expect(Sparkline.text([nil, nil]) == "  ")
    }

    @Test("what grows most is first, and a kind can be chosen")
    func order() {
        var model = model(90)
        #expect(model.sorted.map(\.target.pid) == [812, 90])
        model.order = .pid
        #expect(model.sorted.map(\.target.pid) == [90, 812])
        model.order = .growth
        model.kind = .text
        #expect(model.sorted.map(\.target.pid) == [90, 812])
    }

    @Test("keys come as bytes, several at once, and as sequences")
    func keys() {
        #expect(WatchKey.keys(in: Array("sk?".utf8)) == [.sort, .kind, .help])
        #expect(
            WatchKey.keys(in: Array("\u{1b}[A\u{1b}[B\u{1b}[5~\u{1b}[6~\u{1b}OA".utf8)) == [
                .up, .down, .pageUp, .pageDown, .up,
            ])
        #expect(WatchKey.keys(in: [0x1b]) == [.escape] && WatchKey.keys(in: [3]) == [.quit])
        #expect(WatchKey.keys(in: Array("z\u{1b}[99;3x\u{1}".utf8)) == [.other])
        #expect(WatchKey.keys(in: Array("\u{1b}[".utf8)) == [])
    }

    @Test("keys change what is shown")
    func press() {
        var model = model(5)
        func press(_ key: WatchKey) -> Bool { model.press(key) }
        #expect(press(.sort) && model.order == .virtual)
        for _ in 0..<4 { _ = press(.sort) }
        #expect(model.order == .growth)
        #expect(press(.kind) && model.kind == .text)
        #expect(press(.kind) && model.kind == .heap)
        for _ in 0..<2 { _ = press(.kind) }
        #expect(model.kind == nil)
        #expect(press(.help) && model.showsHelp)
        // Any key ends the help and does nothing else.
        #expect(press(.pause) && !model.showsHelp && !model.isPaused)
        #expect(press(.down) && model.offset == 1)
        #expect(press(.pageDown) && model.offset == 1)
        #expect(press(.pageUp) && model.offset == 0)
        #expect(!press(.quit))
    }

    @Test("no screen is wider or higher than the terminal", arguments: [true, false])
    func fits(isSingle: Bool) {
        var model = model(30, isSingle: isSingle)
        model.connection = .lost(String(repeating: "x", count: 500))
        for help in [false, true] {
            model.showsHelp = help
            for columns in stride(from: 40, through: 210, by: 17) {
                for rows in 3...70 {
                    let lines = WatchScreen(model: model, size: TerminalSize(columns: columns, rows: rows))
                        .lines
                    #expect(lines.count == rows)
                    #expect(lines.allSatisfy { DisplayWidth.of($0) <= columns }, "\(columns)")
                }
            }
        }
    }

    @Test("one process is shown with its kinds, bars, lines and events")
    func detail() throws {
        var model = model(90, isSingle: true)
        model.connection = .connected
        let lines = WatchScreen(model: model, size: TerminalSize(columns: 100, rows: 20)).lines
        #expect(lines[0].hasPrefix("postgres (812), sampling"))
        #expect(lines[1].contains("virtual 102.0 MiB (+60.0 MiB a minute)"))
        let heap = try #require(lines.first { $0.hasPrefix("heap") })
        #expect(
            heap.contains("90.0 MiB") && heap.contains("+60.0 MiB") && heap.contains("█")
                && heap.hasSuffix("█"))
        #expect(lines.contains("EVENTS"))
        #expect(lines.contains { $0.contains("brk-grow") && $0.contains("+12.0 MiB") })
    }

    @Test("a process that is gone stays, and is said to be")
    func gone() throws {
        var model = model(5)
        model.update(at: time(6), [WatchedRecord(target: Examples.target(pid: 90), sample: nil)], [])
        let row = try #require(
            WatchScreen(model: model, size: TerminalSize(columns: 100, rows: 20)).lines.first {
                $0.contains("812")
            })
        #expect(row.contains("exited"))
    }

    @Test("names from processes reach the screen written out")
    func hostile() {
        var model = WatchModel(isSingle: true, time: begin)
        var target = Examples.target(pid: 812)
        target.comm = "\u{1b}[2J\u{202e}"
        var event = Examples.event(pid: 812)
        event.path = "/tmp/\u{7}\n"
        model.update(at: begin, [WatchedRecord(target: target, sample: Examples.sample())], [event])
        model.update(at: begin, [WatchedRecord(target: target, sample: nil)], [event])
        let text = WatchScreen(model: model, size: TerminalSize(columns: 90, rows: 30)).lines.joined()
        #expect(!text.contains("\u{1b}") && !text.contains("\u{202e}") && !text.contains("\u{7}"))
    }
}
