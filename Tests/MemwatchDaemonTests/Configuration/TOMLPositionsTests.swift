import TOMLKit
import Testing

@testable import MemwatchDaemon

@Suite("Where a key or value stands in a TOML text")
struct TOMLPositionsTests {
    /// Everything that is hard about finding a key.
    static let hard = #"""
        # [not.a.table] x = 1
        title = "a # no comment, [no.table], = \" quote" # [comment]
        'literal # [key]' = 'C:\no\escape'
        "basic \"key\" \u00fc" = 1
        a . b = { c = 1, "d e" = [ 1, 2 ], f.g = 'x' }
        long = """
        [inside.basic] # no
        x = 1 \
          \"""
        two quotes more: """""
        other = '''
        [inside.literal]
        ''y'' '''''
        date = 1979-05-27 07:32:00 # with a space
        array = [ # comment ]
          "x", [ 1, [ 2 ] ], # , ]
          { k = 1 },
        ]
        [ table . "in ner" ] # end
        value = -inf
          indented = 0x1f
        [[list]]
        n = 0
        [list.sub]
        s = 0
        [[list.deep]]
        d = 0
        [[list.deep]]
        d = 1
        [[list]]
        n = 1
        [[list.deep]]
        d = 2
        [empty]
        """#

    @Test("Tables, dotted keys, strings, arrays and tables in arrays are all found")
    func findsPlaces() throws {
        let positions = TOMLPositions(Array(Self.hard.utf8))
        func key(_ path: TOMLPositions.Step...) -> TextPosition? { positions.position(of: path) }
        func value(_ path: TOMLPositions.Step...) -> TextPosition? { positions.positionOfValue(path) }
        #expect(key(.key("title")) == TextPosition(line: 2, column: 1))
        #expect(value(.key("title")) == TextPosition(line: 2, column: 9))
        #expect(key(.key("literal # [key]")) == TextPosition(line: 3, column: 1))
        #expect(key(.key("basic \"key\" ü")) == TextPosition(line: 4, column: 1))
        #expect(key(.key("a"), .key("b"), .key("d e")) == TextPosition(line: 5, column: 18))
        #expect(value(.key("a"), .key("b"), .key("d e"), .index(1)) == TextPosition(line: 5, column: 31))
        #expect(value(.key("a"), .key("b"), .key("f"), .key("g")) == TextPosition(line: 5, column: 42))
        #expect(value(.key("other")) == TextPosition(line: 11, column: 9))
        #expect(value(.key("array"), .index(1), .index(1), .index(0)) == TextPosition(line: 16, column: 15))
        #expect(key(.key("array"), .index(2), .key("k")) == TextPosition(line: 17, column: 5))
        #expect(key(.key("table"), .key("in ner"), .key("indented")) == TextPosition(line: 21, column: 3))
        #expect(key(.key("list"), .index(0), .key("sub"), .key("s")) == TextPosition(line: 25, column: 1))
        #expect(
            key(.key("list"), .index(0), .key("deep"), .index(1), .key("d"))
                == TextPosition(line: 29, column: 1))
        #expect(
            key(.key("list"), .index(1), .key("deep"), .index(0), .key("d"))
                == TextPosition(line: 33, column: 1))
        #expect(key(.key("empty")) == TextPosition(line: 34, column: 2))
        #expect(key(.key("inside")) == nil)
    }

    @Test("Whatever TOMLKit reads has its place, also in texts that were damaged at random")
    func agreesWithTOMLKit() throws {
        // The same damage every time: a text that ended the process once would end this test.
        var random = SeededGenerator(state: 2_026)
        let original = Array(Self.hard.utf8)
        let alphabet = Array("[]{}.,=\"'#\\\r\n \ta1_+-:\u{1}ü".utf8)
        var accepted = 0
        var refusedByTOMLKitAlone = 0
        for round in 0..<6_000 {
            var text = original
            for _ in 0..<min(round, Int.random(in: 1...3, using: &random)) {
                let place = Int.random(in: 0..<text.count, using: &random)
                let byte = alphabet.randomElement(using: &random) ?? 0x20
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text.remove(at: place)
                case 1: text.insert(byte, at: place)
                default: text[place] = byte
                }
            }
            guard let string = String(validating: text, as: UTF8.self) else { continue }
            let positions = TOMLPositions(text)
            guard positions.malformation == nil else { continue }
            guard let table = try? TOMLTable(string: string) else {
                refusedByTOMLKitAlone += 1
                continue
            }
            accepted += 1
            var missing: [TOMLPositions.Path] = []
            Self.walk(table, []) { if positions.position(of: $0) == nil { missing.append($0) } }
            try #require(missing.isEmpty, "\(missing) in\n\(string)")
        }
        #expect(accepted > 1_000)
        #expect(refusedByTOMLKitAlone > 0)
    }

    @Test(
        "What TOMLKit cannot survive never reaches it",
        arguments: [
            "[[[list]]", "[.a]", "[]", "[[]]", "[a.]", "[a..b]", "[{ a ]", "[\n a ]", ".a = 1", "a. = 1",
            "a..b = 1",
            "[\\a]", "a = }", "a = ]", "a = [ }1 ]", "a = ,", "a = {.b = 1}", "a = {, b = 1}",
            "a = { b = 1, }",
            "a = +", "a = -", "a = + 1", "a =", "a", "= 1", "a = 1 b = 2", "a = 'x", "a = \"\\u12\"", "[a",
            "[[a]",
            "a = \"\\u0000\"", "a = [1 2]", "a = { b = 1\n}", "\u{1}", "a = \u{1}", "'''a''' = 1", "a = '''x",
            "a = 1979-05-27 0}", "a = 1979-05-27 07 :32:00", "a = [1979-05-27 0]",
        ])
    func refuses(text: String) {
        #expect(TOMLPositions(Array(text.utf8)).malformation != nil)
    }

    private static func walk(
        _ table: TOMLTable, _ path: TOMLPositions.Path, _ body: (TOMLPositions.Path) -> Void
    ) {
        for key in table.keys { visit(table[key], path + [.key(key)], body) }
    }

    private static func visit(
        _ value: (any TOMLValueConvertible)?, _ path: TOMLPositions.Path, _ body: (TOMLPositions.Path) -> Void
    ) {
        body(path)
        if let table = value?.table { walk(table, path, body) }
        if let array = value?.array {
            for index in 0..<array.count { visit(array[index], path + [.index(index)], body) }
        }
    }
}

/// SplitMix64, so that a failure can be repeated.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
