import Varlink

extension InterfaceDescription {
    /// Parses a description, and checks what the grammar cannot: no name twice, no type that
    /// does not exist.
    ///
    /// Descriptions also come from servers, so the parser has bounds of its own: types nest at
    /// most 32 deep, and the text's length is bounded by the frame it came in.
    package init(parsing text: String) throws(InterfaceDescriptionError) {
        var parser = DescriptionParser(bytes: Array(text.utf8))
        self.init(name: "", documentation: "", text: text)
        try parser.expectKeyword("interface")
        documentation = parser.takeDocumentation()
        name = try parser.interfaceName()
        var memberNames: Set<String> = []
        while !parser.isAtEnd {
            let documentation = parser.takeDocumentation()
            let keyword = parser.word()
            parser.skipBlank()
            let position = parser.index
            let member = try parser.memberName()
            guard memberNames.insert(member).inserted else {
                throw parser.failure("\(member) is defined twice", at: position)
            }
            switch keyword {
            case "type":
                let type = try parser.parenthesized(depth: 0)
                types.append(TypeDefinition(name: member, type: type, documentation: documentation))
            case "method":
                let input = try parser.structure()
                try parser.expect("->")
                let output = try parser.structure()
                methods.append(
                    Method(name: member, input: input, output: output, documentation: documentation))
            case "error":
                let parameters = try parser.structure()
                errors.append(
                    ErrorDefinition(name: member, parameters: parameters, documentation: documentation))
            default:
                throw parser.failure("type, method or error is expected", at: position)
            }
        }
        for (name, position) in parser.referencedTypes where type(named: name) == nil {
            throw parser.failure("there is no type \(name)", at: position)
        }
    }
}

/// Recursive descent over the description's bytes.
private struct DescriptionParser {
    typealias ValueType = InterfaceDescription.ValueType
    typealias Field = InterfaceDescription.Field

    private static let maximumDepth = 32

    let bytes: [UInt8]
    private(set) var index = 0
    private(set) var referencedTypes: [(name: String, position: Int)] = []
    private var comments: [String] = []

    init(bytes: [UInt8]) { self.bytes = bytes }

    // MARK: Errors

    func failure(_ reason: String, at position: Int? = nil) -> InterfaceDescriptionError {
        let before = bytes[..<(position ?? index)]
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let column = before.count - (before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0) + 1
        return InterfaceDescriptionError(line: line, column: column, reason: reason)
    }

    // MARK: White space and comments

    /// Skips white space and comments; the comments of the lines right above what follows are
    /// kept as its documentation. An empty line ends a comment's claim.
    mutating func skipBlank() {
        var newlines = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\n"):
                newlines += 1
                if newlines > 1 { comments = [] }
                index += 1
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                index += 1
            case UInt8(ascii: "#"):
                let end = bytes[index...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
                var comment = bytes[index + 1..<end]
                if comment.first == UInt8(ascii: " ") { comment = comment.dropFirst() }
                comments.append(String(decoding: comment, as: UTF8.self))
                index = end
                newlines = 0
            default:
                return
            }
        }
    }

    mutating func takeDocumentation() -> String {
        skipBlank()
        defer { comments = [] }
        return comments.joined(separator: "\n")
    }

    var isAtEnd: Bool {
        mutating get {
            skipBlank()
            return index >= bytes.count
        }
    }

    // MARK: Tokens

    private mutating func take(_ text: StaticString) -> Bool {
        skipBlank()
        let count = text.utf8CodeUnitCount
        guard count <= bytes.count - index,
            text.withUTF8Buffer({ bytes[index..<index + count].elementsEqual($0) })
        else { return false }
        index += count
        return true
    }

    mutating func expect(_ text: StaticString) throws(InterfaceDescriptionError) {
        guard take(text) else { throw failure("\(text) is expected") }
    }

    mutating func expectKeyword(_ keyword: StaticString) throws(InterfaceDescriptionError) {
        skipBlank()
        let start = index
        guard word() == "\(keyword)" else { throw failure("\(keyword) is expected", at: start) }
    }

    /// Letters, digits and underscores; empty where there are none.
    mutating func word() -> String {
        let start = index
        while index < bytes.count, bytes[index].isLetterOrDigit || bytes[index] == UInt8(ascii: "_") {
            index += 1
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    /// `[A-Za-z](-*[A-Za-z0-9])*(\.[A-Za-z0-9](-*[A-Za-z0-9])*)+`
    mutating func interfaceName() throws(InterfaceDescriptionError) -> String {
        skipBlank()
        let start = index
        while index < bytes.count,
            bytes[index].isLetterOrDigit || bytes[index] == UInt8(ascii: ".")
                || bytes[index] == UInt8(ascii: "-")
        {
            index += 1
        }
        let name = bytes[start..<index]
        let parts = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let dash = UInt8(ascii: "-")
        guard parts.count > 1, name.first?.isLetter == true,
            parts.allSatisfy({ $0.first.map { $0 != dash } == true && $0.last != dash })
        else { throw failure("an interface name such as org.example.name is expected", at: start) }
        return String(decoding: name, as: UTF8.self)
    }

    /// `[A-Z][A-Za-z0-9]*`
    mutating func memberName() throws(InterfaceDescriptionError) -> String {
        skipBlank()
        let start = index
        let name = word()
        guard name.utf8.first?.isUppercase == true, !name.utf8.contains(UInt8(ascii: "_")) else {
            throw failure("a name with a capital letter is expected", at: start)
        }
        return name
    }

    /// `[A-Za-z](_?[A-Za-z0-9])*`
    private mutating func fieldName() throws(InterfaceDescriptionError) -> String {
        skipBlank()
        let start = index
        let name = word()
        guard name.utf8.first?.isLetter == true, name.utf8.last != UInt8(ascii: "_"), !name.contains("__")
        else { throw failure("a field name is expected", at: start) }
        return name
    }

    // MARK: Types

    mutating func structure() throws(InterfaceDescriptionError) -> [Field] {
        skipBlank()
        let start = index
        guard case .structure(let fields) = try parenthesized(depth: 0) else {
            throw failure("a structure is expected, not an enumeration", at: start)
        }
        return fields
    }

    /// A structure or an enumeration; `()` is the empty structure.
    mutating func parenthesized(depth: Int) throws(InterfaceDescriptionError) -> ValueType {
        try expect("(")
        if take(")") { return .structure([]) }
        var names: Set<String> = []
        var fields: [Field] = []
        var words: [String] = []
        repeat {
            skipBlank()
            let position = index
            let name = try fieldName()
            guard names.insert(name).inserted else { throw failure("\(name) stands twice", at: position) }
            if words.isEmpty, take(":") {
                fields.append(Field(name: name, type: try valueType(depth: depth + 1)))
            } else if fields.isEmpty {
                words.append(name)
            } else {
                throw failure("the type of \(name) is missing")
            }
        } while take(",")
        try expect(")")
        comments = []
        return fields.isEmpty ? .enumeration(words) : .structure(fields)
    }

    private mutating func valueType(depth: Int) throws(InterfaceDescriptionError) -> ValueType {
        guard depth <= Self.maximumDepth else { throw failure("types are nested too deeply") }
        if take("?") {
            let inner = try valueType(depth: depth + 1)
            if case .nullable = inner { throw failure("?? means nothing more than ?") }
            return .nullable(inner)
        }
        if take("[]") { return .array(try valueType(depth: depth + 1)) }
        if take("[string]") { return .dictionary(try valueType(depth: depth + 1)) }
        skipBlank()
        guard index < bytes.count else { throw failure("a type is expected") }
        if bytes[index] == UInt8(ascii: "(") { return try parenthesized(depth: depth) }
        let start = index
        switch word() {
        case "bool": return .bool
        case "int": return .int
        case "float": return .float
        case "string": return .string
        case "object": return .object
        case "any": return .any
        case let name where name.utf8.first?.isUppercase == true && !name.contains("_"):
            referencedTypes.append((name, start))
            return .named(name)
        default: throw failure("a type is expected", at: start)
        }
    }
}

extension UInt8 {
    fileprivate var isUppercase: Bool { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") }
    fileprivate var isLetter: Bool { isUppercase || (self >= UInt8(ascii: "a") && self <= UInt8(ascii: "z")) }
    fileprivate var isLetterOrDigit: Bool {
        isLetter || (self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9"))
    }
}
