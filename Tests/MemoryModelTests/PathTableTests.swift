import MemoryModel
import TestSupport
import Testing

@Suite("The names in one process's maps")
struct PathTableTests {
    private func find(_ name: [UInt8], in table: PathTable) -> PathID? {
        name.withUnsafeBytes { table.find($0) }
    }

    @Test("fifty thousand names are each found again, under one id and with their bytes")
    func manyNames() {
        var table = PathTable()
        var ids: [PathID] = []
        let names = (0..<50_000).map { Array("/usr/lib/x86_64-linux-gnu/lib\($0).so.\($0 % 7)".utf8) }
        for name in names { ids.append(table.intern(name)) }
        #expect(Set(ids).count == names.count)
        #expect(table.count == names.count + 1)
        #expect(table.byteCount == names.reduce(0) { $0 + $1.count })
        var mistakes = 0
        for (name, id) in zip(names, ids) {
            if table.intern(name) != id || find(name, in: table) != id { mistakes += 1 }
            if !table.bytes(of: id).elementsEqual(name) { mistakes += 1 }
            if !table.withBytes(of: id, { $0.elementsEqual(name) }) { mistakes += 1 }
        }
        #expect(mistakes == 0)
        #expect(table.count == names.count + 1)
    }

    @Test("names that differ in one byte, in length or in a NUL at the end are different names")
    func nearlyEqual() {
        var table = PathTable()
        var seen: Set<PathID> = []
        var names: [[UInt8]] = []
        for length in 1...40 {
            let name = [UInt8](repeating: 0x61, count: length)
            names.append(name)
            for index in 0..<length {
                var other = name
                other[index] = 0
                names.append(other)
                other[index] = 0xff
                names.append(other)
            }
        }
        for name in names { seen.insert(table.intern(name)) }
        #expect(seen.count == names.count)
        #expect(names.allSatisfy { table.bytes(of: table.intern($0)).elementsEqual($0) })
    }

    @Test("any bytes are a name: invalid UTF-8, control characters, newlines")
    func anyBytes() {
        var table = PathTable()
        var random = Seeded(4)
        for _ in 0..<5_000 {
            let name = (0..<Int.random(in: 1...64, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let id = table.intern(name)
            #expect(table.bytes(of: id).elementsEqual(name))
        }
    }

    @Test("no name is the name of plain anonymous memory")
    func empty() {
        var table = PathTable()
        #expect(table.intern([]) == .none)
        #expect(find([], in: table) == PathID.none)
        #expect(table.bytes(of: .none).isEmpty)
        #expect(table.count == 1)
    }

    @Test("a name that is not there is not found, and an id of another table never traps")
    func strangers() {
        var table = PathTable()
        #expect(find(Array("[heap]".utf8), in: table) == nil)
        _ = table.intern(Array("[heap]".utf8))
        #expect(find(Array("[hea".utf8), in: table) == nil)
        for raw: UInt32 in [2, 3, 1_000_000, .max - 1, .max] {
            #expect(table.bytes(of: PathID(rawValue: raw)).isEmpty)
            #expect(table.withBytes(of: PathID(rawValue: raw)) { $0.isEmpty })
        }
    }

    @Test("a copy keeps its names when the original goes on")
    func copies() {
        var table = PathTable()
        let heap = table.intern(Array("[heap]".utf8))
        let copy = table
        for index in 0..<1_000 { _ = table.intern(Array("/tmp/\(index)".utf8)) }
        #expect(copy.count == 2)
        #expect(copy.bytes(of: heap).elementsEqual("[heap]".utf8))
        #expect(find(Array("/tmp/1".utf8), in: copy) == nil)
    }
}
