import Glibc
import MemwatchInterface

/// Which daemon is asked.
struct Endpoint: Hashable, Sendable {
    let path: String
    /// Whether the user named it, rather than memwatch finding it.
    let isExplicit: Bool

    /// - Parameter option: What stands behind `--socket`.
    ///
    /// In this order: the option, MEMWATCH_SOCKET, the user's own daemon if its socket is there,
    /// the system's.
    init(option: String?) throws(Failure) {
        if let option {
            path = try Self.checked(option, from: "--socket")
            isExplicit = true
        } else if let variable = Environment.value("MEMWATCH_SOCKET") {
            path = try Self.checked(variable, from: "MEMWATCH_SOCKET")
            isExplicit = true
        } else {
            path = Self.userSocket ?? Self.systemSocket
            isExplicit = false
        }
    }

    /// As whom the system's daemon runs, where it has a user of its own.
    static let serviceUser = "memwatch"

    static let systemSocket = "/run/memwatch/" + MonitorInterface.name

    /// nil where no daemon of the user's own has made one.
    private static var userSocket: String? {
        guard let directory = Environment.value("XDG_RUNTIME_DIR"), directory.hasPrefix("/") else {
            return nil
        }
        let path = directory + "/memwatch/" + MonitorInterface.name
        guard path.utf8.count <= longestPath, access(path, F_OK) == 0 else { return nil }
        return path
    }

    /// sun_path of sockaddr_un holds 108 bytes, the NUL among them.
    private static let longestPath = 107

    private static func checked(_ path: String, from source: String) throws(Failure) -> String {
        guard !path.isEmpty else {
            throw .usage("\(source) is empty: name the daemon's socket, such as \(systemSocket)")
        }
        guard path.utf8.count <= longestPath else {
            throw .usage(
                "\(source) names a path of \(path.utf8.count) bytes, and a Unix socket's has at most "
                    + "\(longestPath): use a shorter directory, or a symbolic link to it")
        }
        return path
    }

    var exists: Bool { access(path, F_OK) == 0 }

    /// True for a file of another kind, which no daemon can be behind.
    var isOtherFile: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFSOCK
    }

    /// What to do where nobody answers.
    var howToStart: String {
        isExplicit
            ? "start one with 'memwatchd --socket \(path)'"
            : "start it with 'systemctl start memwatchd' (your own: 'systemctl --user start memwatchd'), "
                + "or run memwatchd"
    }
}
