import Glibc
import MemoryModel
import MemwatchInterface
import TestSupport
import Testing
import Varlink

@testable import MemwatchCLI

@Suite("The address space drawn")
struct MapDrawingTests {
    /// Maps of real processes (Fixtures/maps, made by `memwatch regions PID --resident --format ndjson`), and how they
    /// look (Fixtures/pictures). `MEMWATCH_RECORD_PICTURES=1` writes the pictures anew: look at each before it is taken.
    private static let pictures: [Picture] = [
        Picture("memgrow", 80, 24), Picture("memgrow", 80, 24, ascii: true), Picture("memgrow", 200, 60),
        Picture("python", 80, 24), Picture("python", 120, 50, resident: true),
        Picture("java", 80, 24, resident: true), Picture("java", 120, 40, ascii: true, resident: true),
        Picture("static", 80, 24),
    ]

    struct Picture: CustomTestStringConvertible, Sendable {
        let map: String
        let columns: Int
        let rows: Int
        let ascii: Bool
        let resident: Bool

        init(_ map: String, _ columns: Int, _ rows: Int, ascii: Bool = false, resident: Bool = false) {
            (self.map, self.columns, self.rows, self.ascii, self.resident) = (
                map, columns, rows, ascii, resident
            )
        }

        var name: String {
            "\(map)-\(columns)x\(rows)\(ascii ? "-ascii" : "")\(resident ? "-resident" : "")"
        }
        var testDescription: String { name }
    }

    @Test("is the stored picture", arguments: pictures)
    func stored(_ picture: Picture) throws {
        var drawing = MapDrawing(space: try space(picture.map), columns: picture.columns, rows: picture.rows)
        drawing.glyphs = picture.ascii ? .ascii : .unicode
        drawing.showsResident = picture.resident
        let lines = drawing.lines.joined(separator: "\n") + "\n"
        let path = try fixture("pictures/\(picture.name).txt")
        if getenv("MEMWATCH_RECORD_PICTURES") != nil { return try writeBytes(Array(lines.utf8), to: path) }
        #expect(lines == (try readText(path)))
        if picture.ascii { #expect(lines.utf8.allSatisfy { $0 < 0x80 }) }
    }

    @Test(
        "fits every terminal of at least 40 columns and 18 lines",
        arguments: ["memgrow", "python", "java", "static"])
    func fits(map: String) throws {
        let space = try space(map)
        for columns in [40, 41, 63, 80, 100, 133, 220] {
            for rows in [18, 19, 20, 24, 25, 37, 50, 90] {
                var drawing = MapDrawing(space: space, columns: columns, rows: rows)
                drawing.showsResident = rows.isMultiple(of: 2)
                let lines = drawing.lines
                #expect(lines.count < rows, "\(columns) x \(rows)")
                #expect(lines.allSatisfy { DisplayWidth.of($0) <= columns }, "\(columns) x \(rows)")
            }
        }
    }

    @Test("has every byte in one block, however few blocks there are", arguments: 1...30)
    func complete(limit: Int) throws {
        for map in ["memgrow", "python", "java", "static"] {
            let space = try space(map)
            let bands = MapFolding.bands(of: space.regions, limit: limit)
            #expect(bands.reduce(0) { $0 + $1.size } == space.vmSize)
            #expect(zip(bands, bands.dropFirst()).allSatisfy { $0.end <= $1.start })
            // Image, heap, what is mapped and stack are never one block.
            #expect(bands.filter { $0.zone == .heap }.count <= 1)
            let heap = space.regions.filter { $0.kind == .heap }.reduce(0) { $0 + $1.size }
            #expect(bands.filter { $0.zone == .heap }.reduce(0) { $0 + $1.size } == heap)
        }
    }

    @Test("the more room, the more blocks, and no block less high")
    func grows() throws {
        let space = try space("java")
        var last = 0
        for limit in 4...40 {
            let count = MapFolding.bands(of: space.regions, limit: limit).count
            #expect(count >= last)
            last = count
        }
        #expect(MapHeights.of([1 << 12, 1 << 36, 1 << 20], rows: 12) == [1, 8, 3])
        #expect(MapHeights.of([1, 2, 3], rows: 2) == [1, 1, 1])
        #expect(MapHeights.of([], rows: 5) == [])
    }

    @Test("a name from a process is written out, and never widens a line")
    func hostileNames() throws {
        let name = "/tmp/\u{1b}[2J\u{202e}日本" + String(repeating: "x", count: 300)
        let space = AddressSpace(
            pid: 812, comm: "\u{1b}]0;x\u{7}",
            regions: [Examples.region(0x7f00_0000_0000, 1 << 20, [.read], .file, path: name)])
        let lines = MapDrawing(space: space).lines
        #expect(
            lines.allSatisfy {
                DisplayWidth.of($0) <= 80 && !$0.contains("\u{1b}") && !$0.contains("\u{202e}")
            })
        #expect(lines[0].hasPrefix("\\x1b]0;x\\x07 (812)"))
    }

    @Test("a bar shows a little where there is a little, and is full only where all is in memory")
    func bars() throws {
        func bar(_ resident: UInt64?) throws -> String {
            var region = Examples.region(0x7f00_0000_0000, 1 << 20, [.read, .write], .anon)
            region.setResident(resident)
            var drawing = MapDrawing(space: AddressSpace(pid: 1, regions: [region]))
            drawing.showsResident = true
            drawing.glyphs = .ascii
            let line = try #require(drawing.lines.first { $0.contains("anon") })
            return String(try #require(line.split(separator: "|").last).prefix(15))
        }
        #expect(try bar(0) == " ........   0 %")
        #expect(try bar(4_096) == " #.......   0 %")
        #expect(try bar((1 << 20) - 4_096) == " #######. 100 %")
        #expect(try bar(1 << 20) == " ######## 100 %")
        #expect(try bar(nil) == "              ?")
    }

    @Test("an empty map is a drawing, too")
    func empty() {
        #expect(MapDrawing(space: AddressSpace(pid: 1, regions: [])).lines.count == 4)
    }

    // MARK: Fixtures

    private func fixture(_ name: String) throws -> String {
        let file = #filePath
        return String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]) + "/Fixtures/" + name
    }

    /// The first line of a stored map is the sample, the others its regions.
    private func space(_ map: String) throws -> AddressSpace {
        let lines = try readText(fixture("maps/\(map).ndjson")).split(separator: "\n")
        let first = try #require(lines.first)
        let head = try #require(try JSON(parsing: String(first)).objectValue)
        let regions = try lines.dropFirst().map { line in
            let object = try #require(try JSON(parsing: String(line)).objectValue)
            return try RegionRecord(json: object)
        }
        func number(_ name: String) -> UInt64? { head[name]?.integerValue.map { $0 < 0 ? .max : UInt64($0) } }
        return AddressSpace(
            pid: 812, comm: head["comm"]?.stringValue, regions: regions, vmSize: number("vm_size"),
            rss: number("rss"), programBreak: regions.last { $0.kind == .heap }?.end,
            stackLimit: number("stack_limit"))
    }
}
