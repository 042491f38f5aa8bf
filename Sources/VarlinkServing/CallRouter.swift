import Varlink

/// Finds who answers a call, after checking it against the interface's description.
struct CallRouter: Sendable {
    private struct Route: Sendable {
        let service: any VarlinkService
        let description: InterfaceDescription
    }

    private let routes: [String: Route]

    /// Every service's description is parsed once, here.
    init(info: ServiceInfo, services: [any VarlinkService]) throws(VarlinkServerError) {
        var routes: [String: Route] = [:]
        let introspection = IntrospectionService(info: info, services: services)
        for service in [introspection] + services {
            let description: InterfaceDescription
            do throws(InterfaceDescriptionError) {
                description = try InterfaceDescription(parsing: service.description)
            } catch {
                throw .invalidDescription(interface: service.interface, error)
            }
            guard description.name == service.interface else {
                throw .misnamed(interface: service.interface, described: description.name)
            }
            guard
                routes.updateValue(
                    Route(service: service, description: description), forKey: service.interface)
                    == nil
            else { throw .duplicate(interface: service.interface) }
        }
        self.routes = routes
    }

    /// The service that answers `message`.
    func service(for message: CallMessage) throws(VarlinkError) -> any VarlinkService {
        guard let dot = message.method.utf8.lastIndex(of: UInt8(ascii: ".")) else {
            throw .interfaceNotFound(message.method)
        }
        let interface = String(message.method[..<dot])
        let member = message.method[message.method.utf8.index(after: dot)...]
        guard let route = routes[interface] else { throw .interfaceNotFound(interface) }
        guard let method = route.description.method(named: member) else {
            throw .methodNotFound(message.method)
        }
        // No method of ours turns the connection into something else.
        guard !message.upgrade else { throw .methodNotImplemented(message.method) }
        if let path = route.description.firstMismatch(in: message.parameters, with: method.input) {
            throw .invalidParameter(path)
        }
        return route.service
    }
}

/// A server cannot be made of these services: a mistake in the program, not in its input.
package enum VarlinkServerError: Error, Hashable, Sendable, CustomStringConvertible {
    case invalidDescription(interface: String, InterfaceDescriptionError)
    case misnamed(interface: String, described: String)
    case duplicate(interface: String)
    /// A listening socket stopped working while the server ran.
    case listenerFailed(String)

    package var description: String {
        switch self {
        case .invalidDescription(let interface, let error): "the description of \(interface): \(error)"
        case .misnamed(let interface, let described):
            "\(interface) comes with the description of \(described)"
        case .duplicate(let interface): "\(interface) is offered twice"
        case .listenerFailed(let reason): "a listening socket failed: \(reason)"
        }
    }
}
