import Varlink

/// A Varlink interface, parsed from its description (https://varlink.org/Interface-Definition).
///
/// ```
/// # Comments above a member document it.
/// interface org.example.ping
/// type Options (count: ?int, tags: []string)
/// method Ping(text: string, options: ?Options) -> (text: string)
/// error TooLong (limit: int)
/// ```
package struct InterfaceDescription: Hashable, Sendable {
    /// A type of the language.
    package indirect enum ValueType: Hashable, Sendable {
        case bool, int, float, string
        /// Any JSON object.
        case object
        /// Any JSON value: systemd's addition to the language (systemd 258).
        case any
        /// A type of this interface, by name; always one that exists.
        case named(String)
        case structure([Field])
        /// One of these words, sent as a string.
        case enumeration([String])
        /// `?T`: T, null or left out.
        case nullable(ValueType)
        /// `[]T`
        case array(ValueType)
        /// `[string]T`; `[string]()` is Varlink's set of strings.
        case dictionary(ValueType)
    }

    package struct Field: Hashable, Sendable {
        package var name: String
        package var type: ValueType
    }

    package struct Method: Hashable, Sendable {
        package var name: String
        package var input: [Field]
        package var output: [Field]
        package var documentation: String
    }

    /// A `type` (a structure or an enumeration).
    package struct TypeDefinition: Hashable, Sendable {
        package var name: String
        package var type: ValueType
        package var documentation: String
    }

    package struct ErrorDefinition: Hashable, Sendable {
        package var name: String
        package var parameters: [Field]
        package var documentation: String
    }

    /// `org.example.ping`
    package internal(set) var name: String
    package internal(set) var documentation: String
    /// The text it was parsed from.
    package let text: String
    package internal(set) var methods: [Method] = []
    package internal(set) var types: [TypeDefinition] = []
    package internal(set) var errors: [ErrorDefinition] = []

    package func method(named name: some StringProtocol) -> Method? { methods.first { $0.name == name } }
    package func error(named name: some StringProtocol) -> ErrorDefinition? {
        errors.first { $0.name == name }
    }
    package func type(named name: some StringProtocol) -> TypeDefinition? { types.first { $0.name == name } }
}

/// Where and why a description is not valid.
package struct InterfaceDescriptionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// From 1.
    package let line: Int
    /// From 1, in bytes.
    package let column: Int
    package let reason: String

    package var description: String { "line \(line), column \(column): \(reason)" }
}
