/// A call as it stands on the wire.
package struct CallMessage: Sendable {
    package var method: String
    package var parameters: JSONObject
    package var more = false
    package var oneway = false
    package var upgrade = false
}

/// Bytes that are no Varlink message; the connection they came by cannot be used any further.
package struct MalformedMessage: Error, CustomStringConvertible {
    package let reason: String
    package var description: String { reason }
}

extension CallMessage {
    /// Reads `{"method":…,"parameters":{…},"more":…,"oneway":…,"upgrade":…}`.
    ///
    /// Everything but `method` may be missing or null. Members that are not known are skipped,
    /// as later versions of the protocol may add some.
    package init(parsing frame: [UInt8], maximumDepth: Int) throws(MalformedMessage) {
        let message = try JSONObject(frame: frame, maximumDepth: maximumDepth)
        guard let method = message["method"]?.stringValue else {
            throw MalformedMessage(reason: "no method")
        }
        self.init(method: method, parameters: JSONObject())
        switch message["parameters"] {
        case .object(let object): parameters = object
        case .null, nil: break
        default: throw MalformedMessage(reason: "parameters are not an object")
        }
        more = try message.flag("more")
        oneway = try message.flag("oneway")
        upgrade = try message.flag("upgrade")
        guard !(oneway && more) else {
            throw MalformedMessage(reason: "oneway and more exclude each other")
        }
    }

    /// The frame with its NUL. Only flags that are set are written, as the certification
    /// compares messages for equality.
    package func serialized() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("method")
        writer.value(method)
        if !parameters.isEmpty {
            writer.key("parameters")
            writer.value(parameters)
        }
        for (name, flag) in [("more", more), ("oneway", oneway), ("upgrade", upgrade)] where flag {
            writer.key(named: name)
            writer.value(true)
        }
        writer.endObject()
        writer.separate(by: 0)
        return writer.bytes
    }
}

/// Replies as they are written.
package enum ReplyMessage {
    /// The frame with its NUL.
    package static func success(_ parameters: (some JSONWritable)?, continues: Bool) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("parameters")
        if let parameters {
            writer.value(parameters)
        } else {
            writer.value(JSONObject())
        }
        if continues {
            writer.key("continues")
            writer.value(true)
        }
        writer.endObject()
        writer.separate(by: 0)
        return writer.bytes
    }

    /// The frame with its NUL.
    package static func failure(_ error: VarlinkError) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("error")
        writer.value(error.name)
        writer.key("parameters")
        writer.value(error.parameters)
        writer.endObject()
        writer.separate(by: 0)
        return writer.bytes
    }
}

extension JSONObject {
    fileprivate init(frame: [UInt8], maximumDepth: Int) throws(MalformedMessage) {
        let value: JSON
        do {
            value = try JSON(parsing: frame, maximumDepth: maximumDepth, limitsMarks: true)
        } catch {
            throw MalformedMessage(reason: "\(error)")
        }
        guard case .object(let object) = value else {
            throw MalformedMessage(reason: "the message is not an object")
        }
        self = object
    }

    fileprivate func flag(_ name: String) throws(MalformedMessage) -> Bool {
        switch self[name] {
        case .bool(let value): return value
        case .null, nil: return false
        default: throw MalformedMessage(reason: "\(name) is not a boolean")
        }
    }
}
