import Varlink

/// `org.varlink.service`: the interface by which every Varlink service says what it is.
struct IntrospectionService: VarlinkService {
    let info: ServiceInfo
    /// Names and texts, this interface first.
    let descriptions: [(name: String, text: String)]

    init(info: ServiceInfo, services: [any VarlinkService]) {
        self.info = info
        descriptions =
            [(Self.interface, Self.description)] + services.map { ($0.interface, $0.description) }
    }

    var interface: String { Self.interface }
    var description: String { Self.description }

    func handle(_ call: VarlinkCall, _ replies: VarlinkReplies) async throws {
        switch call.member {
        case "GetInfo":
            let reply: JSONObject = [
                "vendor": .string(info.vendor),
                "product": .string(info.product),
                "version": .string(info.version),
                "url": .string(info.url),
                "interfaces": .array(descriptions.map { .string($0.name) }),
            ]
            try await replies.send(reply)
        case "GetInterfaceDescription":
            let wanted = call.parameters["interface"]?.stringValue ?? ""
            guard let (_, text) = descriptions.first(where: { $0.name == wanted }) else {
                throw VarlinkError.interfaceNotFound(wanted)
            }
            try await replies.send(["description": .string(text)] as JSONObject)
        default:
            throw VarlinkError.methodNotFound(call.method)
        }
    }

    static let interface = "org.varlink.service"

    static let description = """
        # Every Varlink service implements this interface: what it is, and what it offers.
        interface org.varlink.service

        # Who made the service, and which interfaces it has.
        method GetInfo() -> (
          vendor: string,
          product: string,
          version: string,
          url: string,
          interfaces: []string
        )

        # The description of one of its interfaces.
        method GetInterfaceDescription(interface: string) -> (description: string)

        # The service has no such interface.
        error InterfaceNotFound (interface: string)

        # The interface has no such method.
        error MethodNotFound (method: string)

        # The interface has the method, the service does not implement it.
        error MethodNotImplemented (method: string)

        # A parameter is missing, unknown or not valid.
        error InvalidParameter (parameter: string)

        # The caller may not do that.
        error PermissionDenied ()

        # The method must be called with "more".
        error ExpectedMore ()

        # The service failed; its log says how.
        error InternalError ()

        """
}
