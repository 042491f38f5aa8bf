import ArgumentParser
import MemwatchDaemon
import Testing

@Suite("Where the daemon's files are")
struct DaemonPathsTests {
    private static let variables = [
        "HOME": "/home/u", "XDG_RUNTIME_DIR": "/run/user/7/", "XDG_STATE_HOME": "/state",
        "XDG_CONFIG_HOME": "/config",
    ]

    @Test("Root takes the system's directories, whatever XDG says")
    func root() throws {
        let paths = try DaemonPaths.resolve(uid: 0) { Self.variables[$0] }
        #expect(
            paths
                == DaemonPaths(
                    socket: "/run/memwatch/org.memwatch.Monitor", stateDirectory: "/var/lib/memwatch",
                    configurationFile: "/etc/memwatch/memwatchd.toml"))
    }

    @Test("An ordinary user has the XDG directories, or what stands for them")
    func user() throws {
        #expect(
            try DaemonPaths.resolve(uid: 7) { Self.variables[$0] }
                == DaemonPaths(
                    socket: "/run/user/7/memwatch/org.memwatch.Monitor", stateDirectory: "/state/memwatch",
                    configurationFile: "/config/memwatch/memwatchd.toml"))
        #expect(
            try DaemonPaths.resolve(uid: 7) { ["HOME": "/home/u", "XDG_STATE_HOME": "relative"][$0] }
                == DaemonPaths(
                    socket: "/run/user/7/memwatch/org.memwatch.Monitor",
                    stateDirectory: "/home/u/.local/state/memwatch",
                    configurationFile: "/home/u/.config/memwatch/memwatchd.toml"))
    }

    @Test("A service's own user has the directories that systemd made for it")
    func service() throws {
        let made = [
            "STATE_DIRECTORY": "/var/lib/memwatch:/var/lib/other", "CONFIGURATION_DIRECTORY": "/etc/memwatch",
            "RUNTIME_DIRECTORY": "/run/memwatch", "HOME": "/",
        ]
        let paths = try DaemonPaths.resolve(uid: 998) { made[$0] }
        #expect(try paths == DaemonPaths.resolve(uid: 0) { _ in nil })
        #expect(try DaemonPaths.resolve(uid: 998, stateDirectory: "/s") { made[$0] }.stateDirectory == "/s")
    }

    @Test("A user without a home is told to name a directory, and may")
    func homeless() throws {
        let error = #expect(throws: DaemonPathsError.self) { try DaemonPaths.resolve(uid: 7) { _ in nil } }
        #expect(error?.description == "HOME is not set: set it, or name a directory with --state-directory")
        let paths = try DaemonPaths.resolve(uid: 7, stateDirectory: "/s") { _ in nil }
        #expect(paths.stateDirectory == "/s")
    }

    @Test("The command line wins over everything, and a relative path becomes absolute")
    func options() throws {
        let options = try DaemonOptions.parse([
            "--config", "c.toml", "--socket", "s", "--state-directory", "/d", "--check-config",
        ])
        #expect(options.config == "c.toml" && options.checkConfig)
        let paths = try DaemonPaths.resolve(
            uid: 0, socket: options.socket, stateDirectory: options.stateDirectory)
        #expect(paths.socket.hasPrefix("/") && paths.socket.hasSuffix("/s"))
        #expect(paths.stateDirectory == "/d")
    }

    @Test("A socket path that Linux cannot hold is refused before anything is started")
    func longSocket() throws {
        #expect(throws: Never.self) {
            try DaemonPaths.resolve(uid: 0, socket: "/" + String(repeating: "x", count: 106))
        }
        let error = #expect(throws: DaemonPathsError.self) {
            try DaemonPaths.resolve(uid: 0, socket: "/" + String(repeating: "x", count: 107))
        }
        #expect(
            error?.description.hasSuffix(
                "longer than the 107 bytes Linux allows: name a shorter one with --socket") == true)
    }
}
