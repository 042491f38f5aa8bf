package import Varlink

/// One method call of a client, after its parameters were checked against the interface's description.
package struct VarlinkCall: Sendable {
    /// The full name: `org.memwatch.Monitor.Attach`.
    package let method: String
    package let parameters: JSONObject
    /// The caller takes more than one reply.
    package let more: Bool
    /// The caller takes no reply, not even an error.
    package let oneway: Bool
    package let peer: PeerCredentials
    package let connection: VarlinkConnectionID

    /// The name without its interface: `Attach`.
    package var member: Substring {
        guard let dot = method.utf8.lastIndex(of: UInt8(ascii: ".")) else { return method[...] }
        return method[method.utf8.index(after: dot)...]
    }
}

/// Names a connection for as long as the server runs; never reused.
package struct VarlinkConnectionID: Hashable, Sendable {
    package let rawValue: UInt64
}

/// One interface, answered.
package protocol VarlinkService: Sendable {
    /// The interface's name, `org.memwatch.Monitor`; the same as in ``description``.
    var interface: String { get }

    /// The interface in Varlink's description language. Calls that do not fit it are answered
    /// with `MethodNotFound` or `InvalidParameter` and never reach ``handle(_:_:)``.
    var description: String { get }

    /// Answers one call. Runs concurrently with the calls of other connections; calls of one
    /// connection run one after the other.
    ///
    /// The task is cancelled when the caller disconnects, and for a call with `more` also when
    /// the server stops. Returning without a reply sends one without parameters.
    /// - Throws: ``VarlinkError`` becomes the reply; any other error is logged and the caller
    ///   is told ``VarlinkError/internalError``.
    func handle(_ call: VarlinkCall, _ replies: VarlinkReplies) async throws
}

/// What `org.varlink.service.GetInfo` tells.
package struct ServiceInfo: Hashable, Sendable {
    package var vendor: String
    package var product: String
    package var version: String
    package var url: String

    package init(vendor: String, product: String, version: String, url: String) {
        self.vendor = vendor
        self.product = product
        self.version = version
        self.url = url
    }
}
