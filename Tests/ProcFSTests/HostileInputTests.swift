import MemoryModel
import Testing

@testable import ProcFS

@Suite struct HostileInputTests {
    /// A small generator with a seed, so that a failure can be repeated (SplitMix64).
    struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
            return value ^ value >> 31
        }
    }

    /// Flips, removes, doubles, moves and replaces, mostly with bytes that mean something.
    static func mutated(_ seed: [UInt8], _ random: inout Seeded) -> [UInt8] {
        let meaningful = Array("\n )(:-0f9 \t[kB\\".utf8) + [0, 0xff]
        var bytes = seed
        for _ in 0...Int.random(in: 0..<4, using: &random) {
            guard !bytes.isEmpty else { return bytes }
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let length = min(Int.random(in: 1...12, using: &random), bytes.count - place)
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = meaningful.randomElement(using: &random) ?? 0
            case 2: bytes.removeSubrange(place..<(place + length))
            case 3: bytes.insert(contentsOf: bytes[place..<(place + length)], at: place)
            case 4: bytes.insert(contentsOf: Array("99999999999999999999".utf8), at: place)
            case 5: bytes.removeSubrange(place...)
            default: bytes.insert(meaningful.randomElement(using: &random) ?? 0, at: place)
            }
        }
        return bytes
    }

    @Test("No mutation of what the kernel prints traps a parser or leads it out of its bytes")
    func mutations() throws {
        var random = Seeded(state: 20_261_123)
        let firstLines = try fixtureBytes("proc/1002/maps").prefix(700)
        let seeds: [(text: [UInt8], parse: (UnsafeRawBufferPointer) throws -> Void)] = [
            (try fixtureBytes("proc/1001/statm"), { _ = try Statm(parsing: $0) }),
            (try fixtureBytes("proc/1001/stat"), { _ = try ProcessStat(parsing: $0) }),
            (Array(try fixtureBytes("proc/1001/status").prefix(900)), { _ = try ProcessStatus(parsing: $0) }),
            (
                Array(firstLines),
                { bytes in
                    var look = MapsLook()
                    var parser = MapsParser()
                    _ = try parser.parse(bytes, into: &look)
                    look.repair()
                    LookTests.expectSound(look)
                }
            ),
            (
                Array("0::/system.slice/a.service\n1:name=systemd:/x\n".utf8),
                { _ = ProcessDirectory.managedCgroup($0).flatMap(systemdUnit(ofCgroup:)) }
            ),
            (
                Array("36 35 98:0 / /mnt rw master:1 - ext3 /dev/root rw\n".utf8),
                { _ = ProcessDirectory.mountTypes(parsing: $0) }
            ),
            (
                Array("0 0x0 0x7ffc 0x1 0x0 0x0 0x0 0x7ffd33 0x7f21\n".utf8),
                { _ = ProcessDirectory.stackPointer(parsing: $0) }
            ),
            (
                Array("Max stack size             8388608              unlimited            bytes\n".utf8),
                { _ = ProcessDirectory.stackLimit(parsing: $0) }
            ),
        ]
        var refused = 0
        for (text, parse) in seeds {
            for _ in 0..<25_000 {
                do { try parsing(Self.mutated(text, &random), parse) } catch { refused += 1 }
            }
        }
        #expect(refused > 20_000, "too few mutations did anything")
    }

    @Test("A line longer than the buffer is read, one of more than a megabyte refused")
    func longLines() throws {
        let directory = try TemporaryDirectory()
        func look(nameLength: Int) throws -> MapsLook {
            let name = String(repeating: "n", count: nameLength)
            try write(
                "1000-3000 r--p 00000000 00:00 1 /\(name)\n4000-5000 r--p 00000000 00:00 0 \n",
                to: directory.path + "/7/maps")
            var look = MapsLook()
            try ProcRoot(path: directory.path).open(pid: 7).look(into: &look)
            return look
        }
        #expect(run("/usr/bin/env", "mkdir", directory.path + "/7") == 0)
        try write("3 1 1 1 0 1 0\n", to: directory.path + "/7/statm")
        let long = try look(nameLength: 300_000)
        #expect(long.isConsistent && long.paths.bytes(of: long.areas[0].path).count == 300_001)
        #expect(throws: ProcError.malformed(path: directory.path + "/7/maps", line: 1, field: "length")) {
            try look(nameLength: 2 << 20)
        }
    }

    @Test("Text that stops in the middle of a line is refused")
    func cutOff() throws {
        let directory = try TemporaryDirectory()
        #expect(run("/usr/bin/env", "mkdir", directory.path + "/7") == 0)
        try write("1 1 1 1 0 1 0\n", to: directory.path + "/7/statm")
        try write("1000-2000 r--p 00000000 00:00 0 \n2000-30", to: directory.path + "/7/maps")
        var look = MapsLook()
        #expect(
            throws: ProcError.malformed(path: directory.path + "/7/maps", line: 2, field: "end of the line")
        ) {
            try ProcRoot(path: directory.path).open(pid: 7).look(into: &look)
        }
    }
}
