package import ArgumentParser

/// The command line of `memwatchd`.
package struct DaemonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read this configuration, and conf.d/*.toml beside it.", valueName: "file"))
    package var config: String?

    @Option(help: ArgumentHelp("Listen here, where systemd passed no socket.", valueName: "path"))
    package var socket: String?

    @Option(help: ArgumentHelp("Keep the history here.", valueName: "dir"))
    package var stateDirectory: String?

    @Option(
        help: ArgumentHelp(
            "Keep the capabilities that are needed here, or all that were granted: least or full.",
            valueName: "which"))
    package var capabilities: PrivilegePolicy = .least

    @Flag(help: "Check the configuration, say what is wrong with it, and exit.")
    package var checkConfig = false

    package init() {}
}
