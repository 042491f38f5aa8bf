import Testing

@testable import MemwatchCLI

@Suite("Passing JSON on")
struct JSONScannerTests {
    func elements(_ text: String) throws -> [String] {
        var found: [String] = []
        try Array(text.utf8).withRawBytes { (bytes) throws(ScanError<Never>) in
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

    func member(_ name: StaticString, of text: String) throws -> String? {
        try Array(text.utf8).withRawBytes { (bytes) throws(JSONScanner.Malformed) in
            try JSONScanner.member(name, of: bytes).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test("a member is found by its name, the last of two")
    func members() throws {
        let object = "{\"a\":{\"b\":1},\"b\":[2],\"a\" : 3}"
        #expect(try member("a", of: object) == "3")
        #expect(try member("b", of: object) == "[2]")
        #expect(try member("c", of: object) == nil)
    }

    @Test(
        "what is cut off, or would break a line, is refused",
        arguments: ["", "[", "[1", "[1,", "{}", "[\"a", "[\"\n\"]", "[}", "[1 2]", "[\"\\", "[,1]", "[1}"])
    func malformed(text: String) {
        #expect(throws: (any Error).self) { try elements(text) }
    }
}
