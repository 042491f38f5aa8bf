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

    /// The elements of the array that stands at `path`; nil where there is none.
    func elements(at path: [StaticString], of text: String) throws -> Int? {
        var count = 0
        return try Array(text.utf8).withRawBytes { (bytes) throws(ScanError<Never>) in
            var scanner = JSONScanner(bytes)
            for name in path {
                do throws(JSONScanner.Malformed) { if try !scanner.enter(name) { return nil } } catch {
                    throw .malformed
                }
            }
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
        "what is cut off, or would break a line, is refused",
        arguments: ["", "[", "[1", "[1,", "{}", "[\"a", "[\"\n\"]", "[}", "[1 2]", "[\"\\", "[,1]", "[1}"])
    func malformed(text: String) {
        #expect(throws: (any Error).self) { try elements(text) }
    }
}
