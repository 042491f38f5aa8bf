import TestSupport
import Testing

@testable import Varlink

@Suite("Passing JSON on")
struct JSONScannerTests {
    func elements(_ text: String) throws -> [String] {
        var found: [String] = []
        try Array(text.utf8).withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            try scanner.forEachElement { (element) throws(Never) in
                found.append(String(decoding: element, as: UTF8.self))
            }
        }
        return found
    }

    @Test("elements are found whatever stands in their strings")
    func elementsOfArrays() throws {
        #expect(try elements("[]") == [])
        #expect(
            try elements(" [ 1 , {\"a\":[1,2,{}]} ,\"]\\\"\", null]") == [
                "1", "{\"a\":[1,2,{}]}", "\"]\\\"\"", "null",
            ])
    }

    /// The elements of the array that stands at `path`; nil where there is none.
    func elements(at path: [StaticString], of text: String) throws -> Int? {
        var count = 0
        return try Array(text.utf8).withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            for name in path where try !scanner.enter(name) { return nil }
            try scanner.forEachElement { (_) throws(Never) in count += 1 }
            return count
        }
    }

    @Test("a member is entered by its name, at its own level only")
    func members() throws {
        let object = #"{"a":{"b":[1],"c" : [1,2,3] },"x":"}","b":[1,2]}"#
        #expect(try elements(at: ["b"], of: object) == 2)
        #expect(try elements(at: ["a", "b"], of: object) == 1)
        #expect(try elements(at: ["a", "c"], of: object) == 3)
        #expect(try elements(at: ["c"], of: object) == nil)
        #expect(throws: (any Error).self) { try elements(at: ["x"], of: object) }
    }

    @Test(
        "what is cut off, or is not JSON, is refused",
        arguments: [
            "", "[", "[1", "[1,", "{}", "[\"a", "[\"\n\"]", "[}", "[1 2]", "[\"\\", "[,1]", "[1}", "[01]",
            "[1.]",
            "[-]", "[+1]", "[1e]", "[1e999]", "[tru]", "[nul", "[\u{1b}]", "[\"\u{1b}[2J\"]", "[\"\\x\"]",
            #"["\u12g4"]"#, #"["\ud800"]"#, #"["\ud800\u0041"]"#, #"["\udc00"]"#, "[{\"a\"}]", "[{\"a\":1,}]",
            "[{1:2}]", "[[1,]]", "[1]]",
        ])
    func malformed(text: String) {
        #expect(throws: (any Error).self) {
            try Array(text.utf8).withUnsafeBytes { bytes in
                var scanner = JSONScanner(bytes)
                try scanner.forEachElement { (_) throws(Never) in }
                try scanner.end()
            }
        }
    }

    @Test("bytes that are no UTF-8 are refused inside strings and outside")
    func invalidUTF8() {
        for bytes: [UInt8] in [
            [0x5b, 0x22, 0xff, 0x22, 0x5d], [0x5b, 0xc3, 0x5d], [0x5b, 0x22, 0xc3, 0x22, 0x5d],
        ] {
            #expect(!scans(bytes))
        }
        #expect(scans(Array("[\"ä\u{202e}\u{1f600}\"]".utf8)))
    }

    @Test("nesting is bounded where the parser bounds it")
    func depth() {
        for depth in 1...70 {
            let text = Array(
                (String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
            #expect(scans(text) == (depth <= 64))
            #expect(((try? JSON(parsing: text)) != nil) == (depth <= 64))
        }
    }

    @Test("300,000 damaged documents: it takes what the parser takes, and nothing else")
    func sameAsParser() {
        let documents = [
            #"{"parameters":{"samples":[{"time":"2026-11-23T02:31:00.000000Z","pid":1,"vm_size":null}]},"continues":true}"#,
            #"[[],{},{"a":[{"b":{}}]},-0.5e-3,1E+2,123456789012345678901234567890,"\ud83d\ude00\u0000\/\b","ä€😀"]"#,
            #" { "x" : [ true , false , null , "\"\\" ] , "" : { "y" : [ ] } } "#,
        ].map { Array($0.utf8) }
        var random = Seeded(7)
        var (taken, refused, different) = (0, 0, 0)
        for round in 0..<300_000 {
            let document = documents[round % documents.count].damaged(using: &random)
            let isJSON = (try? JSON(parsing: document)) != nil
            if isJSON { taken += 1 } else { refused += 1 }
            if scans(document) != isJSON {
                different += 1
                if different < 5 { Issue.record("\(String(decoding: document, as: UTF8.self))") }
            }
        }
        #expect(different == 0)
        #expect(taken > 10_000 && refused > 100_000)
    }

    /// Whether the scanner takes it as a whole document.
    func scans(_ document: [UInt8]) -> Bool {
        // Any value can stand in an array, whose brackets the scanner is given beforehand.
        ([UInt8(ascii: "[")] + document + [UInt8(ascii: "]")]).withUnsafeBytes { bytes in
            var count = 0
            var scanner = JSONScanner(bytes, maximumDepth: 65)
            do {
                try scanner.forEachElement { (_) throws(Never) in count += 1 }
                try scanner.end()
                return count == 1
            } catch { return false }
        }
    }
}
