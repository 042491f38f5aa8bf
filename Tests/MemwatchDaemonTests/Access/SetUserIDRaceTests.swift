import Glibc
import Inspection
import MemoryModel
import MemwatchDaemon
import ProcFS
import TestSupport
import Testing

@Suite("A process that executes a set-user-id program while it is read", .timeLimit(.minutes(60)))
struct SetUserIDRaceTests {
    /// `MEMWATCH_RACE_ROUNDS=50000` for the whole of it.
    private static let rounds = environmentNumber("MEMWATCH_RACE_ROUNDS", else: 1_000)

    @Test(
        "its user is never given a map of the program that runs as root", .requiresRoot, .requiresTool("cc"),
        .requiresTool("setpriv"))
    func race() async throws {
        let race = try SetUserIDRace(rounds: Self.rounds)
        let gate = AccessGate(rule: AccessRule(groupID: nil))
        let user = PeerIdentity(uid: 1_000, gid: 1_000, groups: [], sharesUserNamespace: true)
        let root = ProcRoot()
        let inspector = ProcessInspector()
        let name = Array(SetUserIDRace.program.utf8)
        var tally = Tally()
        // The program is executed before, in and after a look, whatever that takes in this build on this machine.
        let look = try Self.median { _ = try inspector.inspect(pid: race.driver) }
        try race.begin(longest: 3 * look)
        while let pid = try race.next() {
            tally.rounds += 1
            // Until it is root's, or is denied for another reason.
            while true {
                var wasRoots = false
                let given: ProcessInspection?
                do {
                    given = try await gate.read(root.open(pid: pid), for: user) {
                        let look = try inspector.inspect(pid: pid)
                        wasRoots = look.regions.contains { region in
                            look.paths.bytes(of: region.path).suffix(name.count).elementsEqual(name)
                        }
                        return (look, look.credentials)
                    }
                } catch let error as ProcError {
                    // An exec at the very moment, ten times in a row.
                    guard case .system = error else { throw error }
                    continue
                }
                tally.asked += 1
                if wasRoots, given == nil { tally.caught += 1 }
                if wasRoots, given != nil { tally.leaked += 1 }
                if given != nil { tally.given += 1 } else { break }
            }
            race.end(pid)
        }
        print("set-user-id race: \(tally)")
        #expect(tally.rounds == Self.rounds && tally.leaked == 0, "\(tally)")
        // Else nothing was raced against: looks that began as the user's and found root's map.
        #expect(tally.given > 0 && tally.caught > 0, "\(tally)")
    }

    /// Microseconds, of 21 times.
    private static func median(_ body: () throws -> Void) rethrows -> Int {
        let clock = SuspendingClock()
        let times = try (0..<21).map { _ in try clock.measure(body) }.sorted()
        return max(1, Int(times[10] / .microseconds(1)))
    }

    private struct Tally: CustomStringConvertible {
        var rounds = 0, asked = 0, given = 0, caught = 0, leaked = 0

        var description: String {
            "\(rounds) rounds, \(asked) looks, \(given) given, \(caught) of root's map refused by the second "
                + "question, \(leaked) leaked"
        }
    }
}
