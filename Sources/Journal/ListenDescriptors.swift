import CSystemd
import Glibc
import MemoryModel

/// A listening socket that systemd opened for the daemon (`memwatchd.socket`).
package struct ListenDescriptor: Hashable, Sendable {
    /// `FileDescriptorName=` of the socket unit; `unknown` where it has none.
    package var name: String
    /// Close-on-exec. Whoever takes it closes it.
    package var descriptor: CInt
}

/// Socket activation: `sd_listen_fds_with_names(3)`.
package enum ListenDescriptors {
    /// The sockets that were passed to this process, in order. Empty without `LISTEN_FDS`, and where
    /// `LISTEN_PID` names another process.
    ///
    /// Takes `LISTEN_FDS`, `LISTEN_PID` and `LISTEN_FDNAMES` out of the environment, so that nothing
    /// started later believes they are its own, which is why a second call finds nothing. Call it
    /// before other threads may read the environment.
    ///
    /// - Parameter onProblem: is told of what is not a listening AF_UNIX stream socket (a socket unit
    ///   with `ListenDatagram=` or `Accept=yes`). Such a descriptor is closed and left out.
    package static func take(onProblem: (String) -> Void = { _ in }) -> [ListenDescriptor] {
        var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        let count = sd_listen_fds_with_names(1, &names)
        defer { free(names) }
        guard count >= 0 else {
            onProblem(
                "LISTEN_FDS cannot be used: \(String(cString: strerror(-count))); check the socket unit")
            return []
        }
        var result: [ListenDescriptor] = []
        for index in 0..<count {
            let descriptor = SD_LISTEN_FDS_START &+ index
            let cString = names?[Int(index)]
            defer { free(cString) }
            let name = cString.map { String(cString: $0) } ?? "unknown"
            // libsystemd sets close-on-exec; the check needs no path: the unit may listen anywhere.
            let isListening = sd_is_socket_unix(descriptor, CInt(SOCK_STREAM.rawValue), 1, nil, 0)
            if isListening > 0 {
                result.append(ListenDescriptor(name: name, descriptor: descriptor))
            } else {
                _ = close(descriptor)
                onProblem(
                    """
                    descriptor \(descriptor) (\(PrintableText.escape(name.utf8, limit: 4096))) from systemd is not a listening \
                    Unix stream socket; use ListenStream= with a path, and Accept=no
                    """)
            }
        }
        return result
    }
}
