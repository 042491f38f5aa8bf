import Glibc
import TestSupport

/// `JournalTestHelper` without what the service manager of whoever runs the tests may have set.
func helper(_ arguments: [String], _ environment: [String: String?] = [:]) throws -> ChildProcess {
    var changes: [String: String?] = [:]
    for name in [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
    ] {
        changes[name] = .some(nil)
    }
    changes.merge(environment) { $1 }
    return try ChildProcess(try builtProduct("JournalTestHelper"), arguments, environment: changes)
}

/// Calls `body` with the Unix socket address of `path`, which is short in every test.
func withAddress<Result>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
