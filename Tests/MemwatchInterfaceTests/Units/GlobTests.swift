import Glibc
import MemwatchInterface
import Testing

@Suite("Patterns over names that processes choose")
struct GlobTests {
    @Test(
        "Patterns match whole names, byte by byte",
        arguments: [
            ("postgres", "postgres", true), ("postgres", "postgres2", false), ("python*", "python", true),
            ("python*", "python3.11", true), ("*", "", true), ("?", "", false), ("?", "x", true),
            ("/usr/*/python", "/usr/local/bin/python", true), ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[^a-c]x", "dx", true), ("[]a]", "]", true), ("[!]a]", "]", false), ("[a-]", "-", true),
            (#"\*"#, "*", true), (#"\*"#, "x", false), (#"[\]]"#, "]", true), ("é", "é", true),
            ("??", "é", true),
            ("[!a]", "é", false), ("[!a][!a]", "é", true), ("a**b", "ab", true), ("*a*b*", "xxaxxbxx", true),
        ])
    func matches(pattern: String, name: String, expected: Bool) throws {
        #expect(try Glob(pattern).matches(Array(name.utf8)) == expected)
    }

    @Test("Names that are not UTF-8 match like any other bytes")
    func anyBytes() throws {
        #expect(try Glob("a?b").matches([0x61, 0xff, 0x62]))
        #expect(try Glob("[!x]*").matches([0xff, 0x0a, 0x1b]))
    }

    @Test(
        "A pattern that cannot mean anything is refused",
        arguments: [
            "", "[", "[a", "[]", "[!]", "[z-a]", "[é]", "a\\", "a\0b", "[a-",
            String(repeating: "a", count: 1_025),
        ])
    func refuses(pattern: String) {
        #expect(throws: UnreadableText.self) { try Glob(pattern) }
    }

    @Test("Every pattern that is taken decides as fnmatch(3) does")
    func agreesWithTheCLibrary() {
        let alphabet = Array("aab-*?[]!\\^".utf8)
        let letters = Array("aab-]!".utf8)
        var compared = 0
        for _ in 0..<30_000 {
            let pattern = (0..<Int.random(in: 1...8)).map { _ in alphabet.randomElement() ?? 0 }
            let name = (0..<Int.random(in: 0...8)).map { _ in letters.randomElement() ?? 0 }
            let text = String(decoding: pattern, as: UTF8.self)
            guard let glob = try? Glob(text) else { continue }
            compared += 1
            let expected = fnmatch(text, String(decoding: name, as: UTF8.self), 0) == 0
            #expect(
                glob.matches(name) == expected,
                "pattern \(text), name \(String(decoding: name, as: UTF8.self))")
        }
        #expect(compared > 5_000)
    }

    @Test("A pattern made to backtrack takes no more than pattern × name steps")
    func isNeverExponential() throws {
        // 2^60 tries for a matcher that retries every star.
        let glob = try Glob(String(repeating: "*a", count: 60) + "*b")
        #expect(!glob.matches([UInt8](repeating: UInt8(ascii: "a"), count: 4_096)))
    }

    @Test("A pattern tells what it could match")
    func properties() throws {
        #expect(try Glob("python*").minimumLength == 6)
        #expect(try Glob("*/x").mayBegin(with: UInt8(ascii: "/")))
        #expect(try !Glob("nginx").mayBegin(with: UInt8(ascii: "/")))
        #expect(try Glob("[!a]x").mayBegin(with: UInt8(ascii: "/")))
        #expect(try Glob("a\\*").isLiteral)
        #expect(try !Glob("a*").isLiteral)
    }
}
