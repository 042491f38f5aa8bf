import Glibc
import TestSupport
import Varlink

/// One method called over a socket of its own, with nothing of memwatch's client: as root, that reads /proc
/// itself where it can.
func oneCall(
    _ socketPath: String, _ method: String, _ parameters: String = "{}",
    interface: String = "org.memwatch.Monitor"
) throws -> JSON {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    guard withUnixAddress(socketPath, { connect(descriptor, $0, $1) }) == 0 else {
        throw TestFailure("cannot connect to \(socketPath): \(errno)")
    }
    let request =
        Array("{\"method\":\"\(interface).\(method)\",\"parameters\":\(parameters)}".utf8) + [0]
    guard send(descriptor, request, request.count, CInt(MSG_NOSIGNAL)) == request.count else {
        throw TestFailure("cannot send: \(errno)")
    }
    var reply: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while reply.last != 0 {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 60_000) > 0 else { throw TestFailure("no answer to \(method)") }
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { throw TestFailure("hung up on \(method)") }
        reply += chunk[..<count]
    }
    return try JSON(parsing: Array(reply.dropLast()))
}
