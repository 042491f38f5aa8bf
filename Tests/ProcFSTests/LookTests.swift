import Glibc
import MemoryModel
import ProcFS
import Testing

@Suite struct LookTests {
    /// What every look must be, consistent or not.
    static func expectSound(_ look: MapsLook, _ context: String = "") {
        var end: UInt64 = 0
        for area in look.areas {
            if area.start < end || area.start >= area.end {
                Issue.record("areas overlap or are empty at \(String(area.start, radix: 16)) \(context)")
                return
            }
            end = area.end
        }
    }

    static func sum(_ look: MapsLook) -> UInt64 {
        look.areas.reduce(0) { $0 &+ $1.size } &- look.vsyscallBytes
    }

    @Test("The areas of every readable process of the machine add up to its VmSize")
    func sums() throws {
        var looked = 0
        var look = MapsLook()
        for pid in try ProcRoot().processIDs() {
            do throws(ProcError) {
                let process = try ProcRoot().open(pid: pid)
                try process.look(into: &look)
                Self.expectSound(look, "in \(pid)")
                let status = try process.status()
                guard look.isConsistent, status.vmSizeBytes == look.sizeBytes else { continue }
                #expect(Self.sum(look) == status.vmSizeBytes, "process \(pid)")
                looked += 1
            } catch {
                switch error {
                case .gone, .denied, .noMemory: continue
                default: Issue.record("process \(pid): \(error)")
                }
            }
        }
        #expect(looked > 0)
    }

    @Test("A process at rest is seen whole at the first try")
    func atRest() throws {
        let subject = try Subject("wait")
        var look = MapsLook()
        try subject.open().look(into: &look)
        #expect(look.isConsistent && !look.isTruncated && look.tries == 1)
        let names = Set(look.areas.map { String(decoding: look.paths.bytes(of: $0.path), as: UTF8.self) })
        #expect(names.isSuperset(of: ["[heap]", "[stack]", "[vdso]", try Subject.program.get()]))
        let stack = look.areas.first { look.paths.bytes(of: $0.path).elementsEqual("[stack]".utf8) }
        #expect(stack?.permissions.text == "rw-p" && stack?.inode == 0)
        let text = look.areas.first { $0.permissions.text == "r-xp" && $0.inode != 0 }
        var status = stat()
        #expect(stat(try Subject.program.get(), &status) == 0)
        #expect(text?.inode == UInt64(status.st_ino))
    }

    @Test("65,000 areas are read whole, and twice the same")
    func many() throws {
        let subject = try Subject("many", "65000")
        let process = try subject.open()
        var look = MapsLook()
        try process.look(into: &look)
        #expect(look.isConsistent)
        #expect(look.areas.count > 65_000)
        let first = look.areas
        try process.look(into: &look)
        #expect(look.areas == first)
        #expect(look.translation == nil)
    }

    @Test("A look stops at its limit, says so, and keeps what it has")
    func truncated() throws {
        let subject = try Subject("many", "2000")
        var look = MapsLook()
        try subject.open().look(into: &look, limitBytes: 20_000)
        #expect(look.isTruncated && !look.isConsistent)
        #expect(look.areas.count > 100 && look.areas.count < 1000)
        Self.expectSound(look)
    }

    @Test("Names are the bytes that maps prints, and none of them fools anybody")
    func names() throws {
        let directory = try TemporaryDirectory()
        let subject = try Subject("names", directory.path)
        let process = try subject.open()
        var look = MapsLook()
        try process.look(into: &look)
        #expect(look.isConsistent)
        func area(_ name: [UInt8]) -> VMA? {
            let path = Array(directory.path.utf8) + [UInt8(ascii: "/")] + name
            return look.areas.first { look.paths.bytes(of: $0.path).elementsEqual(path) }
        }
        func openedInode(_ name: [UInt8]) -> UInt64? {
            guard let area = area(name) else { return nil }
            return process.openImage(of: area, path: Array(look.paths.bytes(of: area.path)))?.key.inode
        }
        for name in [
            Array(#"with\012newline"#.utf8), Array("with\u{1b}[31mescape\r\t".utf8),
            Array("with".utf8) + [0xff, 0xfe] + Array("invalid".utf8), Array("[heap]".utf8),
            Array("living (deleted)".utf8),
        ] {
            let area = try #require(area(name), "\(String(decoding: name, as: UTF8.self))")
            #expect(area.inode != 0)
            #expect(openedInode(name) == area.inode)
        }
        #expect(area(Array("unlinked (deleted)".utf8))?.inode != 0)
        // The one memfd that calls itself the vdso has an inode; the vdso has none.
        let pretender = look.areas.first {
            look.paths.bytes(of: $0.path).elementsEqual("/memfd:[vdso] (deleted)".utf8)
        }
        #expect(pretender?.inode != 0 && pretender?.permissions.contains(.shared) == true)
        let real = look.areas.filter { look.paths.bytes(of: $0.path).elementsEqual("[vdso]".utf8) }
        #expect(real.count == 1 && real.first?.inode == 0)
    }

    @Test(
        "A look at a storm is never torn where it says it is consistent, and never overlaps, whichever file ends it",
        arguments: [false, true])
    func storm(endsWithStatus: Bool) throws {
        let subject = try Subject("storm")
        let process = try subject.open()
        var look = MapsLook()
        var torn = 0
        for _ in 0..<600 {
            if endsWithStatus {
                #expect(try process.lookWithStatus(into: &look).vmSizeBytes == look.sizeBytes)
            } else {
                try process.look(into: &look)
            }
            Self.expectSound(look, "in a look of \(look.tries) tries")
            if look.isConsistent {
                #expect(Self.sum(look) == look.sizeBytes)
            }
            if look.tries > 1 { torn += 1 }
        }
        #expect(torn > 0, "the storm is too weak to test anything")
    }
}
