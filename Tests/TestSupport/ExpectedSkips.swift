import Glibc

/// Which skips are all right where.
///
/// Every skip is written as `SKIP name: reason` to the file that `MEMWATCH_SKIP_LOG` names, so
/// that CI can fail when something was skipped that its machines are meant to have. The name of
/// the environment is in `MEMWATCH_TEST_ENVIRONMENT`; without one, everything may be skipped.
package enum ExpectedSkips {
    /// Requirement names by environment.
    package static let byEnvironment: [String: Set<String>] = [
        // A virtual machine as root, with what .ci/run installs.
        // The Debian for the tests under a booted systemd comes from a mirror that may be away.
        "ci": ["huge-pages", "anonymous-names", "child-only", "test-machine"],
        // A container without privileges.
        "container": [
            "root", "child-only", "tmpfs", "private-journal", "kernel-threads", "python-varlink",
            "huge-pages", "anonymous-names",
            "ptrace", "kernel-records", "perf", "perf-machine", "perf-cgroup", "perf-ordinary-user",
            "pid-namespace", "memory-controller", "test-machine", "tool-cc", "tool-unshare", "tool-strace",
            "tool-java", "tool-node", "tool-numpy",
            "tool-postgres", "tool-setpriv",
            "tool-systemd-socket-activate",
        ],
    ]

    /// Whether a skip of this name may happen here.
    package static func isExpected(_ name: String) -> Bool {
        guard let environment = getenv("MEMWATCH_TEST_ENVIRONMENT") else { return true }
        return byEnvironment[String(cString: environment)]?.contains(name) ?? false
    }

    /// Writes a skip down.
    static func note(_ name: String, _ reason: String) {
        guard let log = getenv("MEMWATCH_SKIP_LOG") else { return }
        let mark = isExpected(name) ? "" : "UNEXPECTED "
        let line = Array("\(mark)SKIP \(name): \(reason)\n".utf8)
        // One write of a short line to a file opened for appending is not torn by others.
        let descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return }
        _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
    }
}
