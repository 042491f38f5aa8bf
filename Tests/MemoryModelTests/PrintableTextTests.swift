import MemoryModel
import Testing

@Suite("Text that a watched process chose")
struct PrintableTextTests {
    @Test(
        "Nothing that steers a terminal or hides text reaches it raw",
        arguments: [
            ("plain name-1.2", "plain name-1.2"), ("größe 日本 🦊", "größe 日本 🦊"),
            ("a\nb\rc\td", #"a\nb\rc\td"#),
            ("\u{1b}]0;pwned\u{7}", #"\x1b]0;pwned\x07"#), ("\u{0}\u{7f}", #"\x00\x7f"#),
            ("\u{9b}31m", #"\u{9b}31m"#), ("abc\u{202e}txt.exe", #"abc\u{202e}txt.exe"#),
            ("\u{2066}\u{2069}\u{200e}\u{61c}", #"\u{2066}\u{2069}\u{200e}\u{61c}"#),
            ("a\u{200b}b\u{feff}", #"a\u{200b}b\u{feff}"#), ("a\u{2028}b", #"a\u{2028}b"#),
            ("\u{3164}\u{fe0f}", #"\u{3164}\u{fe0f}"#), ("\u{e0041}", #"\u{e0041}"#),
            ("\u{e000}", #"\u{e000}"#),
            (#"dev-disk-by\x2duuid.device"#, #"dev-disk-by\x2duuid.device"#),
        ])
    func escapes(text: String, shown: String) {
        #expect(PrintableText.escape(text) == shown)
    }

    @Test("Bytes that are not UTF-8 are shown one by one")
    func invalidBytes() {
        #expect(PrintableText.escape([0x61, 0xff, 0x62]) == #"a\xffb"#)
        #expect(PrintableText.escape([0xe2, 0x82]) == #"\xe2\x82"#)
        // An overlong slash, a surrogate, beyond Unicode: none is decoded.
        #expect(PrintableText.escape([0xc0, 0xaf]) == #"\xc0\xaf"#)
        #expect(PrintableText.escape([0xed, 0xa0, 0x80]) == #"\xed\xa0\x80"#)
        #expect(PrintableText.escape([0xf4, 0x90, 0x80, 0x80]) == #"\xf4\x90\x80\x80"#)
        // C1 as a bare byte, as 8-bit terminals take it.
        #expect(PrintableText.escape([0x9b, 0x41]) == #"\x9bA"#)
    }

    @Test("Whatever the bytes, what comes out is printable and loses none of them")
    func randomBytes() {
        for _ in 0..<3_000 {
            let bytes = (0..<Int.random(in: 0...24)).map { _ in
                Bool.random()
                    ? UInt8.random(in: 0...255) : [0xe2, 0x80, 0xae, 0x1b, 0xc2, 0x9b].randomElement() ?? 0
            }
            let shown = PrintableText.escape(bytes)
            for scalar in shown.unicodeScalars {
                let category = scalar.properties.generalCategory
                #expect(category != .control && category != .format && scalar != "\u{fffd}" || bytes.isEmpty)
            }
            #expect(bytes.isEmpty == shown.isEmpty)
            // In JSON only the invalid bytes change, so that valid text comes through as it is.
            if let valid = String(validating: bytes, as: UTF8.self) {
                #expect(PrintableText.jsonText(bytes) == valid)
            }
        }
    }

    @Test("What is longer than there is room for ends in an ellipsis")
    func limit() {
        #expect(PrintableText.escape(Array("abcdef".utf8), limit: 6) == "abcdef")
        #expect(PrintableText.escape(Array("abcdefg".utf8), limit: 6) == "abcdef…")
        #expect(PrintableText.escape(Array("größe".utf8), limit: 3) == #"gr\xc3…"#)
    }

    @Test("JSON gets names unchanged, and \\xff for what it cannot hold")
    func jsonText() {
        #expect(PrintableText.jsonText([0x61, 0x1b, 0x0a, 0xff, 0x62]) == "a\u{1b}\n\\xffb")
        #expect(PrintableText.jsonText(Array("größe\u{202e}".utf8)) == "größe\u{202e}")
    }
}
