import Glibc
import TestSupport

/// A port that nobody listened at a moment ago.
func freePort() throws -> Int {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutableBytes(of: &address) { bytes in
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return false }
        return bind(socket, base, length) == 0 && getsockname(socket, base, &length) == 0
    }
    guard isBound else { throw TestFailure.system("bind", errno) }
    return Int(UInt16(bigEndian: address.sin_port))
}
