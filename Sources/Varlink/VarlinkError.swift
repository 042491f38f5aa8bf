/// An error reply: the protocol's own kind of failure, with a name that both sides know.
package struct VarlinkError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The full name, such as `org.varlink.service.MethodNotFound`.
    package var name: String
    package var parameters: JSONObject

    package init(_ name: String, _ parameters: JSONObject = JSONObject()) {
        self.name = name
        self.parameters = parameters
    }

    package var description: String {
        parameters.isEmpty ? name : "\(name) \(parameters.jsonText)"
    }
}

/// The errors every service may answer with (interface `org.varlink.service`).
extension VarlinkError {
    /// No interface of that name here.
    package static func interfaceNotFound(_ interface: String) -> VarlinkError {
        VarlinkError("org.varlink.service.InterfaceNotFound", ["interface": .string(interface)])
    }

    /// The interface has no method of that (full) name.
    package static func methodNotFound(_ method: String) -> VarlinkError {
        VarlinkError("org.varlink.service.MethodNotFound", ["method": .string(method)])
    }

    /// The interface has the method, this server does not.
    package static func methodNotImplemented(_ method: String) -> VarlinkError {
        VarlinkError("org.varlink.service.MethodNotImplemented", ["method": .string(method)])
    }

    /// A parameter is missing, of the wrong type, out of range or not known. `parameter` is its
    /// path in the call's parameters: `filter.kinds[2]`.
    package static func invalidParameter(_ parameter: String) -> VarlinkError {
        VarlinkError("org.varlink.service.InvalidParameter", ["parameter": .string(parameter)])
    }

    /// The method answers with a stream and must be called with `more`.
    package static let expectedMore = VarlinkError("org.varlink.service.ExpectedMore")

    /// The caller may not do that.
    package static let permissionDenied = VarlinkError("org.varlink.service.PermissionDenied")

    /// The handler failed in a way that is nobody's business but the log's.
    package static let internalError = VarlinkError("org.varlink.service.InternalError")
}
