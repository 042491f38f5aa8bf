import MemoryModel
import SystemPackage
import Testing

@testable import ProcFS

/// Runs a parser over a text, in a heap block of exactly its size so that a sanitizer sees
/// any step outside.
func parsing<Value>(_ text: [UInt8], _ parse: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 1)
    defer { block.deallocate() }
    block.copyBytes(from: text)
    return try parse(UnsafeRawBufferPointer(block))
}

func parsing<Value>(_ text: String, _ parse: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
    try parsing(Array(text.utf8), parse)
}

/// The areas of maps text, given to the parser in pieces of `piece` bytes as reads would.
func areas(of text: [UInt8], piece: Int = .max) throws -> MapsLook {
    var look = MapsLook()
    var parser = MapsParser()
    var rest: [UInt8] = []
    var position = 0
    while position < text.count {
        let end = position + min(piece, text.count - position)
        rest += text[position..<end]
        position = end
        let used = try parsing(rest) { try parser.parse($0, into: &look) }
        rest.removeFirst(used)
    }
    return look
}

@Suite struct ParserTests {
    @Test("A line of maps is its addresses, permissions, offset, device, inode and name")
    func line() throws {
        let text =
            "7f0a1c021000-7f0a20000000 r-xs 00001a00 fe:1f 253911                     /usr/lib/a b.so\n"
        let look = try areas(of: Array(text.utf8))
        let area = try #require(look.areas.first)
        #expect(area.start == 0x7f0a_1c02_1000 && area.end == 0x7f0a_2000_0000)
        #expect(area.permissions.text == "r-xs" && area.offset == 0x1a00)
        #expect(area.device == DeviceNumber(major: 0xfe, minor: 0x1f) && area.inode == 253_911)
        #expect(look.paths.bytes(of: area.path).elementsEqual("/usr/lib/a b.so".utf8))
    }

    @Test(
        "Columns may be narrower and wider than usual",
        arguments: [
            "00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/dbus-daemon",
            "7f0a1c021000-7f0a20000000 rw-p 123456789abc000 103:00 18446744073709551615 /x",
            "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]",
            "10000-11000 ---p 00000000 00:00 0 ", "7f0a1c021000-7f0a20000000 rw-p 00000000 08:abcde 1 (x)",
        ])
    func columns(line: String) throws {
        let look = try areas(of: Array((line + "\n").utf8))
        let area = try #require(look.areas.first)
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        #expect(String(area.start, radix: 16) == words[0].split(separator: "-")[0].drop { $0 == "0" })
        #expect(area.permissions.text == words[1])
        #expect(area.offset == UInt64(words[2], radix: 16))
        #expect(area.device.text == words[3])
        #expect(area.inode == UInt64(words[4]))
        #expect(
            String(decoding: look.paths.bytes(of: area.path), as: UTF8.self)
                == (words.count > 5 ? words[5] : ""))
    }

    @Test(
        "However the text is cut into reads, the areas are the same", arguments: [1, 2, 7, 63, 64, 65, 4085])
    func pieces(piece: Int) throws {
        let text = try fixtureBytes("proc/1001/maps")
        let whole = try areas(of: text)
        let cut = try areas(of: text, piece: piece)
        #expect(cut.areas == whole.areas && whole.areas.count > 20)
        #expect(cut.paths.count == whole.paths.count)
    }

    @Test("The quick way through the usual columns and the slow way agree on every line")
    func twoWays() throws {
        for pid in ["1001", "1002", "1003"] {
            for line in try fixtureBytes("proc/\(pid)/maps").split(separator: UInt8(ascii: "\n")) {
                parsing(Array(line) + [UInt8(ascii: "\n")]) { bytes in
                    guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
                    var (quick, slow) = (MapsNumbers(), MapsNumbers())
                    var (p, q) = (base, base)
                    #expect(slow.anywhere(&q) == nil)
                    guard bytes.count >= MapsNumbers.usualColumns, quick.inUsualColumns(&p) else { return }
                    #expect(p == q)
                    #expect(quick == slow)
                }
            }
        }
    }

    @Test(
        "What is not maps is refused with line and field",
        arguments: [
            ("x", "addresses"), ("1000", "addresses"), ("2000-1000 r--p 0 0:0 0 ", "addresses"),
            ("1000-2000 r-p 00000000 00:00 0 ", "permissions"), ("1000-2000 r--p ", "offset"),
            ("1000-2000 r--p 0 0 ", "device"), ("1000-2000 r--p 0 0:0 x", "inode"),
            ("7f0a1c021000-7f0a2000000: rw-p 00000000 00:00 0 ", "addresses"),
            ("7f0a1c021000-7f0a20000000 rw-q 00000000 00:00 0 ", "permissions"),
            ("7f0a1c021000-7f0a20000000 rw-p 0000`000 00:00 0 ", "offset"),
            ("1000-2000 r--p 0 0:0 18446744073709551616 ", "inode"),
            ("11111111111111111-22222222222222222 r--p 0 0:0 0", "addresses"), ("", "addresses"),
        ])
    func refused(line: String, field: String) {
        let good = "1000-2000 r--p 00000000 00:00 0 \n"
        #expect(throws: MapsReader.Failure.malformed(line: 2, field: field)) {
            try areas(of: Array((good + line + "\n" + good).utf8))
        }
    }

    @Test("Torn areas are put in order and cut where they overlap")
    func repair() {
        var look = MapsLook()
        func area(_ start: UInt64, _ end: UInt64, offset: UInt64 = 0, inode: UInt64 = 0) -> VMA {
            VMA(start: start, end: end, permissions: .read, offset: offset, inode: inode)
        }
        look.areas = [
            area(0x5000, 0x9000), area(0x1000, 0x3000), area(0x2000, 0x4000, offset: 0x100, inode: 7),
            area(0x2000, 0x3000), area(0x6000, 0x7000),
        ]
        look.repair()
        LookTests.expectSound(look)
        #expect(look.areas.map(\.start) == [0x1000, 0x3000, 0x5000])
        #expect(look.areas[1].offset == 0x1100)
    }

    @Test("Names no area has any more are forgotten, and ids of the look before can be translated")
    func compaction() throws {
        var look = MapsLook()
        let kept = look.paths.intern(Array("/kept".utf8))
        for number in 0..<5000 { _ = look.paths.intern(Array("/gone/\(number)".utf8)) }
        let alsoKept = look.paths.intern(Array("/also kept".utf8))
        look.areas = [
            VMA(start: 0, end: 1, permissions: .read, path: kept), VMA(start: 1, end: 2, permissions: .read),
            VMA(start: 2, end: 3, permissions: .read, path: alsoKept),
        ]
        look.begin()
        #expect(look.paths.count == 3)
        #expect(look.paths.bytes(of: look.translated(kept)).elementsEqual("/kept".utf8))
        #expect(look.paths.bytes(of: look.translated(alsoKept)).elementsEqual("/also kept".utf8))
        #expect(look.translated(.none) == .none)
        #expect(look.areas.map(\.path) == [look.translated(kept), .none, look.translated(alsoKept)])
        look.begin()
        #expect(look.translation == nil && look.translated(kept) == kept)
    }

    @Test(
        "The cgroup is systemd's, the unit its last one",
        arguments: [
            ("0::/system.slice/nginx.service\n", "/system.slice/nginx.service", "nginx.service"),
            (
                "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-a\\x2db.scope\n",
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-a\\x2db.scope",
                "app-a\\x2db.scope"
            ),
            ("0::/system.slice/docker-1.scope/init\n", "/system.slice/docker-1.scope/init", "docker-1.scope"),
            (
                "4:memory:/m\n1:name=systemd:/system.slice/a.service\n0::/\n", "/system.slice/a.service",
                "a.service"
            ),
            ("1:name=systemd:/old.service\n0::/new.service\n", "/new.service", "new.service"),
            ("0::/a:b.service\n", "/a:b.service", "a:b.service"), ("0::/user.slice\n", "/user.slice", nil),
            ("0::/.service\n", "/.service", nil), ("0::/\n", "/", nil), ("", nil, nil),
            ("garbage\n", nil, nil),
        ] as [(String, String?, String?)])
    func cgroup(text: String, path: String?, unit: String?) {
        let found = parsing(text, ProcessDirectory.managedCgroup)
        #expect(found == path.map { Array($0.utf8) })
        #expect(found.flatMap(systemdUnit(ofCgroup:)) == unit)
    }

    @Test("Mounts are known by device, whatever optional fields they carry")
    func mounts() {
        let text = """
            36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw
            37 35 0:41 / /dev/huge\\040pages rw - hugetlbfs none rw,pagesize=2M
            not a mount
            38 35 0:42 / /x rw

            """
        let types = parsing(text, ProcessDirectory.mountTypes(parsing:))
        #expect(
            types == [
                DeviceNumber(major: 98, minor: 0): "ext3", DeviceNumber(major: 0, minor: 41): "hugetlbfs",
            ])
    }

    @Test(
        "A thread's system call tells its stack pointer",
        arguments: [
            ("running\n", .running), ("-1 0x7ffd5e8 0x7f2\n", .at(0x7ffd5e8)),
            ("0 0x0 0x7ffc 0x1 0x0 0x0 0x0 0x7ffd33 0x7f21\n", .at(0x7ffd33)), ("", .running),
            ("-1 0x0 0x0\n", .running),
        ] as [(String, StackPointerReading)])
    func stackPointer(text: String, reading: StackPointerReading) {
        #expect(parsing(text, ProcessDirectory.stackPointer(parsing:)) == reading)
    }

    @Test("Numbers that do not fit end at the largest, or are refused")
    func extremes() throws {
        #expect(
            try parsing("18446744073709551615 1 1 1 0 1 0\n") { try Statm(parsing: $0) }.sizeBytes == .max)
        #expect(throws: ProcError.malformed(path: "statm", line: 1, field: "number 1")) {
            try parsing("18446744073709551616 1 1 1 0 1 0\n") { try Statm(parsing: $0) }
        }
        #expect(throws: ProcError.malformed(path: "statm", line: 1, field: "number 6")) {
            try parsing("1 1 1 1 0\n") { try Statm(parsing: $0) }
        }
        #expect(throws: ProcError.malformed(path: "status", line: 2, field: "VmSize")) {
            try parsing("Name:\tx\nVmSize:\tlarge kB\n") { try ProcessStatus(parsing: $0) }
        }
        #expect(throws: ProcError.malformed(path: "stat", line: 1, field: "name in parentheses")) {
            try parsing("1 )x( S") { try ProcessStat(parsing: $0) }
        }
        #expect(throws: ProcError.malformed(path: "stat", line: 1, field: "field 5")) {
            try parsing("1 (x) S 1") { try ProcessStat(parsing: $0) }
        }
    }

    @Test(
        "An error is one line that says what to do",
        arguments: [
            .gone(pid: 1), .denied(path: "/proc/1/maps"), .noMemory(pid: 1, state: .zombie),
            .noMemory(pid: 1, state: .kernelThread),
            .malformed(path: "/proc/1/maps", line: 3, field: "inode"),
            .system(path: "/proc/1/maps", errno: .tooManyOpenFiles),
        ] as [ProcError])
    func errors(error: ProcError) {
        #expect(!error.description.contains("\n") && error.description.contains("1"))
    }
}
