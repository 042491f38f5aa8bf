import ArgumentParser

/// What the daemon does with capabilities that it was granted: `--capabilities`.
package enum PrivilegePolicy: String, Hashable, Sendable, CaseIterable, ExpressibleByArgument {
    /// Keeps what it cannot do without here, and gives up the rest. Some answers about other users' processes
    /// are missing then (docs/security.md).
    case least
    /// Keeps all of it.
    case full
}
