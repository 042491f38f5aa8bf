import MemoryModel
import MemwatchInterface
import Varlink

/// Prints records as CSV (RFC 4180), with a header, straight from their JSON.
///
/// Lines end in CR LF, as the RFC has it. null is an empty field. The object `kinds` becomes one
/// column per kind, and the words of an array are separated by spaces.
final class CSVPrinter: ObjectPrinter {
    /// Beginning with the first record or ``finish()``.
    private var isStarted = false
    private let columns: [String]
    private let output: Output
    /// Where a column is found: members come in the order of the columns, so the next is mostly the next.
    private let names: [[UInt8]]
    private var fields: [[UInt8]]

    init(columns: [String], output: Output) {
        self.columns = columns
        self.output = output
        names = columns.map { Array($0.utf8) }
        fields = Array(repeating: [], count: columns.count)
    }

    func write(_ object: UnsafeRawBufferPointer) throws(Failure) {
        try start()
        for index in fields.indices { fields[index].removeAll(keepingCapacity: true) }
        var next = 0
        do throws(ScanError<JSONScanner.Malformed>) {
            try collect(object, next: &next)
        } catch { throw .malformedAnswer() }
        for (index, field) in fields.enumerated() {
            if index > 0 { try output.write(byte: UInt8(ascii: ",")) }
            try output.write(field)
        }
        try output.write("\r\n")
    }

    func finish() throws(Failure) { try start() }

    private func start() throws(Failure) {
        guard !isStarted else { return }
        isStarted = true
        try output.write(columns.joined(separator: ",") + "\r\n")
    }

    private func collect(
        _ object: UnsafeRawBufferPointer, next: inout Int
    ) throws(ScanError<JSONScanner.Malformed>) {
        var scanner = JSONScanner(object)
        try scanner.forEachMember { (name, value) throws(JSONScanner.Malformed) in
            if value.first == UInt8(ascii: "{") {
                do throws(ScanError<JSONScanner.Malformed>) { try collect(value, next: &next) } catch {
                    throw JSONScanner.Malformed()
                }
                return
            }
            if next >= names.count || !names[next].elementsEqual(name) {
                // Not the expected one: perhaps null kinds came before it. A field of a newer daemon has none.
                guard let index = names.firstIndex(where: { $0.elementsEqual(name) }) else { return }
                next = index
            }
            try setField(next, to: value)
            next += 1
        }
    }

    private func setField(_ index: Int, to value: UnsafeRawBufferPointer) throws(JSONScanner.Malformed) {
        if value.first == UInt8(ascii: "[") {
            let words: [JSON]
            do throws(JSONError) { words = try JSON(parsing: value).arrayValue ?? [] } catch {
                throw JSONScanner.Malformed()
            }
            append(text: words.compactMap(\.stringValue).joined(separator: " "), to: index)
            return
        }
        guard value.first == UInt8(ascii: "\"") else {
            if !value.elementsEqual("null".utf8) { fields[index].append(contentsOf: value) }
            return
        }
        let inner = UnsafeRawBufferPointer(rebasing: value.dropFirst().dropLast())
        let isPlain = inner.allSatisfy { $0 != UInt8(ascii: "\\") && $0 < 0x7f }
        if isPlain {
            Self.append(inner, to: &fields[index])
            return
        }
        let text: String
        do throws(JSONError) { text = try JSON(parsing: value).stringValue ?? "" } catch {
            throw JSONScanner.Malformed()
        }
        append(text: text, to: index)
    }

    private func append(text: String, to index: Int) {
        let shown = output.isTerminal ? PrintableText.escape(text) : text
        Array(shown.utf8).withUnsafeBytes { Self.append($0, to: &fields[index]) }
    }

    /// In quotes where it holds a comma, a quote or a line break; quotes inside are doubled.
    static func append(_ text: UnsafeRawBufferPointer, to field: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        guard text.contains(where: { $0 == UInt8(ascii: ",") || $0 == quote || $0 == 0x0a || $0 == 0x0d })
        else {
            field.append(contentsOf: text)
            return
        }
        field.append(quote)
        for byte in text {
            if byte == quote { field.append(quote) }
            field.append(byte)
        }
        field.append(quote)
    }
}
