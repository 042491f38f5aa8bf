import MemoryModel
import MemwatchInterface

/// Times, durations, sizes and patterns as callers write them: what is read prints and reads back as the same, and
/// what is refused is said in one line that is safe for a terminal.
enum TextTarget {
    static func check(_ bytes: UnsafeRawBufferPointer) throws(Violation) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        // Each of them, so that one that refuses does not keep the next from being asked.
        let results = [
            try read { () throws(UnreadableText) in try TimeText.parse(text, now: now) }.map(checkTime),
            try read { () throws(UnreadableText) in try DurationText.parse(text) }.map(checkDuration),
            try read { () throws(UnreadableText) in try SizeText.parse(text) }.map(checkSize),
        ]
        for result in results { try result?.get() }
        // A pattern, and a name behind a newline.
        let parts = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.count > 1 ? Array(parts[1].utf8) : Array(bytes)
        let glob = try read { () throws(UnreadableText) in try Glob(parts[0]) }
        if let glob { try check(glob, against: name) }
        return results.contains { $0 != nil }
    }

    private static let now = Timestamp(seconds: 1_795_000_000)

    /// What `parse` reads, or nil where it refuses.
    private static func read<Value>(
        _ parse: () throws(UnreadableText) -> Value
    ) throws(Violation) -> Value? {
        do throws(UnreadableText) {
            return try parse()
        } catch {
            let complaint = Array(error.description.utf8)
            try mustHold(isSafe(complaint), "a complaint with control characters")
            try mustHold(complaint.count < 1000, "a complaint of \(complaint.count) bytes")
            return nil
        }
    }

    /// Without U+0000 to U+001F and U+007F to U+009F; the upper ones are 0xc2 and their own number.
    private static func isSafe(_ text: [UInt8]) -> Bool {
        var last: UInt8 = 0
        for byte in text {
            if byte < 0x20 || byte == 0x7f || (last == 0xc2 && byte < 0xa0) { return false }
            last = byte
        }
        return true
    }

    private static func checkTime(_ time: Timestamp) -> Result<Void, Violation> {
        let again = try? TimeText.parse(time.rfc3339, now: now)
        return again == time
            ? .success(()) : .failure(Violation("\(time.rfc3339) reads back as another time"))
    }

    private static func checkDuration(_ microseconds: Int64) -> Result<Void, Violation> {
        let text = DurationText.format(microseconds)
        let again = try? DurationText.parse(text)
        return microseconds > 0 && again == microseconds
            ? .success(())
            : .failure(Violation("\(text) reads back as another duration than \(microseconds)"))
    }

    private static func checkSize(_ bytes: UInt64) -> Result<Void, Violation> {
        let text = SizeText.exact(bytes)
        let again = try? SizeText.parse(text)
        return again == bytes ? .success(()) : .failure(Violation("\(text) reads back as another size"))
    }

    private static func check(_ glob: Glob, against name: [UInt8]) throws(Violation) {
        let matches = glob.matches(name)
        if matches {
            try mustHold(glob.minimumLength <= name.count, "it matches a name that is too short")
            if let first = name.first { try mustHold(glob.mayBegin(with: first), "it may not begin so") }
        }
        let pattern = Array(glob.pattern.utf8)
        let isPlain = !pattern.contains { "*?[\\".utf8.contains($0) }
        if isPlain { try mustHold(matches == (pattern == name), "a plain pattern is the name") }
        // Whatever the name, its own bytes behind backslashes match it, and so does it with stars around.
        guard !name.isEmpty, name.count < 200, !name.contains(0),
            let text = String(validating: name, as: UTF8.self)
        else { return }
        var escaped = ""
        for scalar in text.unicodeScalars {
            if scalar.isASCII { escaped += "\\" }
            escaped.unicodeScalars.append(scalar)
        }
        let own = try read { () throws(UnreadableText) in try Glob(escaped) }
        try mustHold(own?.matches(name) == true, "a name does not match itself")
        let wide = try read { () throws(UnreadableText) in try Glob("*" + escaped + "*") }
        try mustHold(wide?.matches([0x61] + name + [0x7a]) == true, "a name does not match within another")
    }
}
