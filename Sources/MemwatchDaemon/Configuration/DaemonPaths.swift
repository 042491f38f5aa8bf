import Glibc

/// Where the daemon's files are: the system's for root, else the user's own.
///
/// | | root | ordinary user |
/// |---|---|---|
/// | socket | `/run/memwatch/org.memwatch.Monitor` | `$XDG_RUNTIME_DIR/memwatch/org.memwatch.Monitor` |
/// | state | `/var/lib/memwatch` | `$XDG_STATE_HOME/memwatch`, else `~/.local/state/memwatch` |
/// | configuration | `/etc/memwatch/memwatchd.toml` | `$XDG_CONFIG_HOME/memwatch/memwatchd.toml`, else in `~/.config` |
///
/// Root never takes the XDG directories: under sudo they still name the other user's.
/// A service that runs as a user of its own has the directories that systemd made for it
/// (`StateDirectory=`, `ConfigurationDirectory=`, `RuntimeDirectory=`; systemd.exec(5)), and where there are
/// none, is given its paths by `--socket`, `--state-directory` and `--config`.
package struct DaemonPaths: Hashable, Sendable {
    package var socket: String
    package var stateDirectory: String
    /// What is read where no `--config` is given; it need not exist.
    package var configurationFile: String

    package static let socketName = "org.memwatch.Monitor"

    package init(socket: String, stateDirectory: String, configurationFile: String) {
        self.socket = socket
        self.stateDirectory = stateDirectory
        self.configurationFile = configurationFile
    }

    /// - Parameters:
    ///   - uid: The daemon's effective uid.
    ///   - socket: What `--socket` says, if anything.
    ///   - stateDirectory: What `--state-directory` says.
    ///   - environment: Looks a variable up.
    package static func resolve(
        uid: UInt32, socket: String? = nil, stateDirectory: String? = nil,
        environment: (String) -> String? = processEnvironment
    ) throws(DaemonPathsError) -> DaemonPaths {
        let paths: DaemonPaths
        if uid == 0 {
            paths = DaemonPaths(
                socket: try absolute(socket, "--socket") ?? "/run/memwatch/" + socketName,
                stateDirectory: try absolute(stateDirectory, "--state-directory") ?? "/var/lib/memwatch",
                configurationFile: "/etc/memwatch/memwatchd.toml")
        } else {
            let runtime =
                service("RUNTIME_DIRECTORY", environment)
                ?? (directory("XDG_RUNTIME_DIR", environment) ?? "/run/user/\(uid)") + "/memwatch"
            let home = directory("HOME", environment)
            guard
                let state = try absolute(stateDirectory, "--state-directory")
                    ?? service("STATE_DIRECTORY", environment)
                    ?? directory("XDG_STATE_HOME", environment).map({ $0 + "/memwatch" })
                    ?? home.map({ $0 + "/.local/state/memwatch" })
            else {
                throw DaemonPathsError("HOME is not set: set it, or name a directory with --state-directory")
            }
            // Without a home there is no file of the user's either, and the defaults hold.
            let ofUser = directory("XDG_CONFIG_HOME", environment) ?? home.map { $0 + "/.config" }
            let configuration =
                service("CONFIGURATION_DIRECTORY", environment) ?? (ofUser ?? state) + "/memwatch"
            paths = DaemonPaths(
                socket: try absolute(socket, "--socket") ?? runtime + "/" + socketName,
                stateDirectory: state, configurationFile: configuration + "/memwatchd.toml")
        }
        // sockaddr_un.sun_path has 108 bytes, the NUL at the end among them (unix(7)).
        guard paths.socket.utf8.count <= 107 else {
            throw DaemonPathsError(
                "the socket path \(paths.socket) is longer than the 107 bytes Linux allows: "
                    + "name a shorter one with --socket")
        }
        return paths
    }

    /// getenv(3). The daemon never changes its environment, so that reading it is safe on any thread.
    package static func processEnvironment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// The XDG base directory specification has relative paths ignored.
    private static func directory(_ variable: String, _ environment: (String) -> String?) -> String? {
        guard let value = environment(variable), value.hasPrefix("/") else { return nil }
        return value.count > 1 && value.hasSuffix("/") ? String(value.dropLast()) : value
    }

    /// The first of the directories that systemd lists, with colons between them.
    private static func service(_ variable: String, _ environment: (String) -> String?) -> String? {
        directory(variable) { environment($0).map { String($0.prefix { $0 != ":" }) } }
    }

    /// A daemon's working directory is `/`, or wherever somebody happened to start it.
    private static func absolute(_ path: String?, _ option: String) throws(DaemonPathsError) -> String? {
        guard let path else { return nil }
        if path.hasPrefix("/") { return path }
        guard !path.isEmpty else { throw DaemonPathsError("\(option) is empty: write a path") }
        guard let current = getcwd(nil, 0) else {
            throw DaemonPathsError(
                "\(option) \(path) is relative, and the working directory is gone: write a path that begins with /"
            )
        }
        defer { free(current) }
        return String(cString: current) + "/" + path
    }
}

package struct DaemonPathsError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
