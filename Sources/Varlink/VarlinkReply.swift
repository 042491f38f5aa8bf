/// One reply as a client receives it; valid while the function runs that it was handed to.
///
/// Its bytes are known to be JSON, but values are made of them only where somebody asks: replies that
/// hold thousands of records are passed on as they came.
package struct VarlinkReply {
    /// The whole frame as it came, without its NUL.
    package let bytes: UnsafeRawBufferPointer
    /// More replies to the same call follow.
    package let continues: Bool
    private let parameterBytes: UnsafeRawBufferPointer?

    /// The parameters as values; empty where the reply has none.
    package var parameters: JSONObject { Self.object(parameterBytes) }

    /// One of the parameters: values are made of no other.
    package subscript(name: StaticString) -> JSON? {
        guard let parameterBytes else { return nil }
        var scanner = JSONScanner(parameterBytes)
        var found: UnsafeRawBufferPointer?
        try? scanner.forEachMember { (member, value) throws(Never) in
            if name.withUTF8Buffer({ member.elementsEqual($0) }) { found = value }
        }
        return found.flatMap { try? JSON(parsing: $0) }
    }
}

extension VarlinkReply {
    /// Reads a reply.
    /// - Throws: ``VarlinkError`` where the reply is one, ``MalformedMessage``.
    init(frame: UnsafeRawBufferPointer, maximumDepth: Int) throws {
        var members = Members()
        var scanner = JSONScanner(frame, maximumDepth: maximumDepth)
        do throws(ScanError<JSONScanner.Malformed>) {
            try scanner.forEachMember { (name, value) throws(JSONScanner.Malformed) in
                try members.take(name, value)
            }
            do throws(JSONScanner.Malformed) { try scanner.end() } catch { throw .malformed }
        } catch {
            throw Self.complaint(frame, maximumDepth)
        }
        if let parameters = members.parameters, parameters.first != UInt8(ascii: "{") {
            throw MalformedMessage(reason: "parameters are not an object")
        }
        if let error = members.error {
            guard let name = try? JSON(parsing: error).stringValue else {
                throw MalformedMessage(reason: "error is not a string")
            }
            throw VarlinkError(name, Self.object(members.parameters))
        }
        if let continues = members.continues {
            guard continues.elementsEqual("true".utf8) || continues.elementsEqual("false".utf8) else {
                throw MalformedMessage(reason: "continues is not a boolean")
            }
            self.continues = continues.count == 4
        } else {
            continues = false
        }
        bytes = frame
        parameterBytes = members.parameters
    }

    /// The members that mean something; nil where there is none or it is null. Others are skipped, as
    /// later versions of the protocol may add some. Of a name that stands twice the last counts.
    private struct Members {
        var parameters: UnsafeRawBufferPointer?
        var error: UnsafeRawBufferPointer?
        var continues: UnsafeRawBufferPointer?

        mutating func take(
            _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
        ) throws(JSONScanner.Malformed) {
            let value = value.first == UInt8(ascii: "n") ? nil : value
            switch String(decoding: name, as: UTF8.self) {
            case "parameters": parameters = value
            case "error": error = value
            case "continues": continues = value
            // A name may be written with escapes, but nobody who means well does.
            case let other where other.utf8.contains(UInt8(ascii: "\\")): throw JSONScanner.Malformed()
            default: break
            }
        }
    }

    private static func object(_ bytes: UnsafeRawBufferPointer?) -> JSONObject {
        // The scanner has read it as the parser does, so there is no error to be told.
        bytes.flatMap { try? JSON(parsing: $0).objectValue } ?? JSONObject()
    }

    /// The parser says where and why; the scanner does not.
    private static func complaint(_ frame: UnsafeRawBufferPointer, _ maximumDepth: Int) -> MalformedMessage {
        do throws(JSONError) {
            guard case .object = try JSON(parsing: frame, maximumDepth: maximumDepth) else {
                return MalformedMessage(reason: "the message is not an object")
            }
        } catch {
            return MalformedMessage(reason: "\(error)")
        }
        return MalformedMessage(reason: "a member's name is written with escapes")
    }
}
