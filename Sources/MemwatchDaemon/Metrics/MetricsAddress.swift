import Glibc
package import MemwatchInterface

/// Where metrics are served: `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`, or the path of a Unix socket.
package enum MetricsAddress: Hashable, Sendable {
    case host(String, port: Int)
    case path(String)

    package init(_ text: String) throws(UnreadableText) {
        if text.hasPrefix("/") {
            // sun_path has 108 bytes, the NUL among them.
            guard text.utf8.count <= 107, !text.utf8.contains(0) else {
                throw UnreadableText(
                    "\(UnreadableText.quote(text)) is too long for a Unix socket: at most 107 bytes")
            }
            self = .path(text)
            return
        }
        let problem = UnreadableText(
            "\(UnreadableText.quote(text)) is not an address and a port; write one such as "
                + "\"127.0.0.1:9464\" or \"[::1]:9464\", the path of a Unix socket, or \"\" for none")
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            port > 0
        else { throw problem }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            let inner = String(host.dropFirst().dropLast())
            var address = in6_addr()
            guard inet_pton(AF_INET6, inner, &address) == 1 else { throw problem }
            self = .host(inner, port: Int(port))
            return
        }
        var address = in_addr()
        guard host == "localhost" || inet_pton(AF_INET, String(host), &address) == 1 else { throw problem }
        self = .host(String(host), port: Int(port))
    }
}
