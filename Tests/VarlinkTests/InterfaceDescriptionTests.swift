import TestSupport
import Testing

@testable import Varlink
@testable import VarlinkServing

@Suite("An interface description")
struct InterfaceDescriptionTests {
    private static let example = """
        # An example of everything.
        #
        #   Indented.
        interface org.example.many-things

        # A structure.
        type Shape (
          name: string,   # a comment behind a field
          corners: ?[]Point,
          size: (small, large),
          extra: [string]object,
          note: ?any,
          tags: [string]()
        )
        type Point (x: float, y: float)

        # Not about Draw.

        # Draws.
        method Draw(shape: Shape, times: ?int) -> (ok: bool)
        method Nothing() -> ()
        error Bad (reason: string)
        """

    @Test("is read into methods, types and errors with their documentation")
    func parse() throws {
        let description = try InterfaceDescription(parsing: Self.example)
        #expect(description.name == "org.example.many-things")
        #expect(description.documentation == "An example of everything.\n\n  Indented.")
        #expect(description.text == Self.example)
        #expect(description.methods.map(\.name) == ["Draw", "Nothing"])
        #expect(description.method(named: "Draw")?.documentation == "Draws.")
        #expect(
            description.method(named: "Draw")?.input == [
                .init(name: "shape", type: .named("Shape")), .init(name: "times", type: .nullable(.int)),
            ])
        #expect(
            description.type(named: "Shape")?.type
                == .structure([
                    .init(name: "name", type: .string),
                    .init(name: "corners", type: .nullable(.array(.named("Point")))),
                    .init(name: "size", type: .enumeration(["small", "large"])),
                    .init(name: "extra", type: .dictionary(.object)),
                    .init(name: "note", type: .nullable(.any)),
                    .init(name: "tags", type: .dictionary(.structure([]))),
                ]))
        #expect(description.error(named: "Bad")?.parameters == [.init(name: "reason", type: .string)])
        #expect(description.method(named: "draw") == nil)
    }

    @Test(
        "is refused where it is wrong, with the place",
        arguments: [
            ("", 1, 1), ("interface", 1, 10), ("interface org", 1, 11), ("interface 1.x", 1, 11),
            ("interface a..b", 1, 11), ("interface a.-b", 1, 11), ("interface a.b-", 1, 11),
            ("interface a.b\nmethod x() -> ()", 2, 8), ("interface a.b\nmethod X_() -> ()", 2, 8),
            ("interface a.b\nmethod X()", 2, 11), ("interface a.b\nmethod X() -> (a)", 2, 15),
            ("interface a.b\nfunction X()", 2, 10), ("interface a.b\ntype X int", 2, 8),
            ("interface a.b\ntype X (a: int, a: int)", 2, 17), ("interface a.b\ntype X (a: int, b)", 2, 18),
            ("interface a.b\ntype X (a, b: int)", 2, 13), ("interface a.b\ntype X (a__b: int)", 2, 9),
            ("interface a.b\ntype X (a_: int)", 2, 9), ("interface a.b\ntype X (a: ??int)", 2, 17),
            ("interface a.b\ntype X (a: [int]int)", 2, 12), ("interface a.b\ntype X (a: Y)", 2, 12),
            ("interface a.b\ntype X (a: integer)", 2, 12),
            ("interface a.b\ntype X (a: int)\nerror X ()", 3, 7),
            ("interface a.b\ntype X (a: int", 2, 15), ("interface a.b\ntype X (a: int,)", 2, 16),
            ("interface a.b\ntype X (a:", 2, 11),
        ])
    func wrong(text: String, line: Int, column: Int) throws {
        let error = try #require(throws: InterfaceDescriptionError.self) {
            try InterfaceDescription(parsing: text)
        }
        #expect((error.line, error.column) == (line, column), "\(error)")
    }

    @Test("nests only so deep", arguments: ["[]", "[string]", "(a: "])
    func depth(_ opening: String) {
        #expect(throws: InterfaceDescriptionError.self) {
            try InterfaceDescription(
                parsing: "interface a.b\ntype X (a: " + String(repeating: opening, count: 100_000))
        }
    }

    @Test("survives any damage to its text: 5,000 of them")
    func damage() {
        var random = Seeded(2)
        let text = Array(Self.example.utf8)
        var valid = 0
        for _ in 0..<5_000 {
            let damaged = String(decoding: text.damaged(using: &random), as: UTF8.self)
            if (try? InterfaceDescription(parsing: damaged)) != nil { valid += 1 }
        }
        #expect(valid > 500)
    }

    @Test(
        "tells what fits a type and what does not",
        arguments: [
            (#"{"shape":{"name":"","size":"small","extra":{},"tags":{}}}"#, nil),
            (#"{"shape":{"name":"","size":"small","extra":{},"tags":{}},"times":null}"#, nil),
            (#"{"shape":{"name":"","size":"small","extra":{},"tags":{}},"times":1.0}"#, nil),
            (#"{"shape":{"name":"","size":"small","extra":{},"tags":{}},"times":1.5}"#, "times"),
            (#"{"shape":{"name":"","size":"small","extra":{},"tags":{}},"times":1e300}"#, "times"),
            (#"{"shape":{"name":"","size":"small","extra":{},"tags":{}},"time":1}"#, "time"),
            (#"{"shape":{"name":"","size":"huge","extra":{},"tags":{}}}"#, "shape.size"),
            (#"{"shape":{"name":"","size":"small","extra":{"a":1},"tags":{}}}"#, "shape.extra[a]"),
            (#"{"shape":{"name":"","size":"small","extra":{},"tags":{"a":{"b":1}}}}"#, "shape.tags[a].b"),
            (#"{"shape":{"name":"","size":"small","extra":{},"tags":{},"corners":[{"x":1,"y":2}]}}"#, nil),
            (
                #"{"shape":{"name":"","size":"small","extra":{},"tags":{},"corners":[{"x":1}]}}"#,
                "shape.corners[0].y"
            ),
            (#"{"shape":{"name":"","size":"small","extra":{},"tags":{},"note":[1.5,"x"]}}"#, nil),
            (#"{"shape":null}"#, "shape"), (#"{"shape":[]}"#, "shape"), ("{}", "shape"),
        ] as [(String, String?)])
    func fit(parameters: String, mismatch: String?) throws {
        let description = try InterfaceDescription(parsing: Self.example)
        let method = try #require(description.method(named: "Draw"))
        let object = try #require(try JSON(parsing: parameters).objectValue)
        #expect(description.firstMismatch(in: object, with: method.input) == mismatch)
    }
}
