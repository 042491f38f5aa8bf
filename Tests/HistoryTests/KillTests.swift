import Glibc
import TestSupport
import Testing

@testable import History

@Suite("kill -9 loses at most the tick being written")
struct KillTests {
    /// `MEMWATCH_KILLS=1000` for the whole of it.
    @Test("many kills in the middle of writing leave whole ticks, and every acknowledged one")
    func kills() throws {
        let scratch = Scratch()
        var generator = SystemRandomNumberGenerator()
        let rounds = environmentNumber("MEMWATCH_KILLS", else: 12)
        var unacknowledged = 0
        var last: UInt64 = 0
        for _ in 0..<rounds {
            let child = try CrashChild(scratch.path)
            let acknowledged = child.kill(after: Int.random(in: 1...400, using: &generator))
            #expect(acknowledged > 0)
            // Before anything is mended by opening it.
            #expect(sqlite3(scratch.database, "PRAGMA integrity_check") == "ok")
            last = try CrashedHistory.lastTick(in: scratch, since: acknowledged)
            #expect(last == acknowledged || last == acknowledged + 1, "\(last), acknowledged \(acknowledged)")
            if last != acknowledged { unacknowledged += 1 }
        }
        print(
            "\(rounds) kills, \(last) ticks; \(unacknowledged) had a tick committed but not yet acknowledged")
    }
}
