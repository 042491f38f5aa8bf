package import Varlink

extension InterfaceDescription {
    /// Looks for the first thing in `parameters` that `fields` do not allow.
    /// - Returns: Its path, such as `filter.kinds[2]`; nil where everything fits. A field that is
    ///   not known is refused like one of the wrong type: a caller that misspells an optional
    ///   field should hear of it.
    package func firstMismatch(in parameters: JSONObject, with fields: [Field]) -> String? {
        for (name, _) in parameters where !fields.contains(where: { $0.name == name }) { return name }
        for field in fields {
            guard let value = parameters[field.name] else {
                if case .nullable = field.type { continue }
                return field.name
            }
            if let rest = mismatch(of: value, with: field.type) { return field.name + rest }
        }
        return nil
    }

    /// The path below `value` to what does not fit; empty where it is `value` itself; nil where it fits.
    ///
    /// Every step that goes deeper into the types either goes deeper into the value too, whose
    /// depth the JSON parser has bounded, or is bounded by the description's own text: a named
    /// type is always a structure or an enumeration.
    private func mismatch(of value: JSON, with type: ValueType) -> String? {
        switch type {
        case .bool: return value.boolValue == nil ? "" : nil
        case .int: return value.integerValue == nil ? "" : nil
        case .float: return value.doubleValue == nil ? "" : nil
        case .string: return value.stringValue == nil ? "" : nil
        case .object: return value.objectValue == nil ? "" : nil
        case .any: return nil
        case .nullable(let inner): return value.isNull ? nil : mismatch(of: value, with: inner)
        case .named(let name): return self.type(named: name).flatMap { mismatch(of: value, with: $0.type) }
        case .enumeration(let words):
            guard case .string(let word) = value, words.contains(word) else { return "" }
            return nil
        case .structure(let fields):
            guard case .object(let object) = value else { return "" }
            return firstMismatch(in: object, with: fields).map { "." + $0 }
        case .array(let element):
            guard case .array(let values) = value else { return "" }
            for (index, value) in values.enumerated() {
                if let rest = mismatch(of: value, with: element) { return "[\(index)]" + rest }
            }
            return nil
        case .dictionary(let element):
            guard case .object(let object) = value else { return "" }
            for (key, value) in object {
                if let rest = mismatch(of: value, with: element) { return "[\(key)]" + rest }
            }
            return nil
        }
    }
}
