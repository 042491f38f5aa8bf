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
            "perfmon-maps", "pid-namespace", "memory-controller", "test-machine", "tool-cc", "tool-unshare",
            "tool-strace", "tool-tmux", "tool-promtool", "tool-prometheus", "tool-curl", "tool-chromedriver",
            "tool-java", "tool-node", "tool-numpy", "package", "tool-lintian", "tool-man", "tool-fish",
            "tool-zsh", "tool-postgres", "tool-setpriv", "tool-setcap", "peer-pidfd",
            "tool-systemd-socket-activate",
        ],
    ]

    /// What needs perf_event_open.
    private static let ofPerf: Set<String> = [
        "kernel-records", "perf", "perf-machine", "perf-cgroup", "perf-ordinary-user",
    ]

    /// Whether a skip of this name may happen here.
    package static func isExpected(_ name: String) -> Bool {
        guard let environment = getenv("MEMWATCH_TEST_ENVIRONMENT") else { return true }
        if ofPerf.contains(name), mayLackPerf { return true }
        return byEnvironment[String(cString: environment)]?.contains(name) ?? false
    }

    /// True where the machine itself says that perf_event_open may be refused, whatever the product thinks:
    /// under a seccomp filter, without the capabilities, above paranoid 2, or without perf in the kernel.
    private static var mayLackPerf: Bool {
        guard let paranoid = (try? readText("/proc/sys/kernel/perf_event_paranoid")).flatMap(number),
            paranoid <= 2,
            let status = try? readText("/proc/self/status")
        else { return true }
        for line in status.split(separator: "\n") {
            let words = line.split(separator: "\t")
            guard words.count == 2 else { continue }
            if words[0] == "Seccomp:", words[1] != "0" { return true }
            // CAP_PERFMON (38) or, before Linux 5.8, CAP_SYS_ADMIN (21).
            if words[0] == "CapEff:", let bits = UInt64(words[1], radix: 16), bits & (1 << 38 | 1 << 21) == 0
            {
                return true
            }
        }
        return false
    }

    private static func number(_ text: String) -> Int? { Int(text.prefix { $0 != "\n" }) }

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
