import Glibc
import MemoryModel
import MemwatchInterface

/// Prints JSON objects as they come: one array, or one object a line.
///
/// In the array too every object has its own line, so that `grep` and `tail` are of use, and
/// nothing is held back: what was read is written.
final class JSONPrinter: ObjectPrinter {
    enum Shape {
        case array
        /// The same with its commas in front, so that each line is whole before the next object comes.
        case liveArray
        case lines
        /// For what is one thing: the object itself.
        case single
    }

    private let shape: Shape
    private let output: Output
    private var isFirst = true

    init(_ shape: Shape, output: Output) {
        self.shape = shape
        self.output = output
    }

    func write(_ object: UnsafeRawBufferPointer) throws(Failure) {
        switch shape {
        case .array: try output.write(isFirst ? "[\n" : ",\n")
        case .liveArray: try output.write(isFirst ? "[\n" : ",")
        case .lines, .single: break
        }
        isFirst = false
        // A terminal acts on C1 controls and bidi marks; JSON has its own way to write them.
        if output.isTerminal, object.contains(where: { $0 >= 0x7f }) {
            try output.write(Self.escapedForTerminal(object))
        } else if Self.hasLineBreak(object) {
            // Line breaks between tokens, which another implementation may send, would tear the line.
            try output.write(object.filter { $0 != 0x0a && $0 != 0x0d })
        } else {
            try output.write(object)
        }
        if shape != .array { try output.write(byte: UInt8(ascii: "\n")) }
    }

    func finish() throws(Failure) {
        switch shape {
        case .array: try output.write(isFirst ? "[]\n" : "\n]\n")
        case .liveArray: try output.write(isFirst ? "[]\n" : "]\n")
        case .lines, .single: break
        }
    }

    private static func hasLineBreak(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return false }
        return memchr(base, 0x0a, bytes.count) != nil || memchr(base, 0x0d, bytes.count) != nil
    }

    /// The same value, with every character that would not show itself as `\u202e`.
    ///
    /// All of them can only stand in strings: JSON's own characters are printable ASCII.
    static func escapedForTerminal(_ json: UnsafeRawBufferPointer) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(json.count + 32)
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            if scalar == "\n" || scalar == "\r" { continue }
            let text = String(scalar)
            if scalar.value < 0x7f || (scalar != "\u{fffd}" && PrintableText.escape(text) == text) {
                result.append(contentsOf: text.utf8)
                continue
            }
            for unit in text.utf16 {
                let digits = String(unit, radix: 16)
                result.append(
                    contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits).utf8)
            }
        }
        return result
    }
}
