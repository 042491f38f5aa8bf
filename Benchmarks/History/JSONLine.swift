/// One line of JSON, with its fields in the order given.
struct JSONLine {
    indirect enum Value {
        case int(Int)
        case double(Double)
        case text(String)
        case object([(String, Value)])
    }

    let text: String

    init(_ fields: [(String, Value)]) { text = Self.write(.object(fields)) }

    private static func write(_ value: Value) -> String {
        switch value {
        case .int(let number): "\(number)"
        case .double(let number): number.isFinite ? "\((number * 1000).rounded() / 1000)" : "null"
        // Only words of this program: nothing to escape.
        case .text(let text): "\"\(text)\""
        case .object(let fields):
            "{" + fields.map { "\"\($0.0)\":\(write($0.1))" }.joined(separator: ",") + "}"
        }
    }
}
