package import ArgumentParser
import Glibc
import History
import Logging
import MemwatchInterface
import Varlink
import VarlinkServing

/// `memwatchd`.
package struct MemwatchDaemonCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "memwatchd",
        abstract: "Watch where the memory of processes comes from, keep it, and answer memwatch.",
        version: MemwatchVersion.text)

    @OptionGroup var options: DaemonOptions

    package init() {}

    /// What `main()` of ArgumentParser does, but for its several lines about a wrong command line: an error
    /// is one line, in a journal too.
    package static func start() async -> Never {
        do {
            let command = try parse()
            try await command.run()
            exit()
        } catch let code as ExitCode {
            // What was wrong has been said.
            Glibc.exit(code.rawValue)
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            let complaint = message(for: error).split(separator: "\n").joined(separator: " ")
            StandardErrorLog.write("memwatchd: \(complaint): see 'memwatchd --help'")
            Glibc.exit(exitCode(for: error).rawValue)
        }
    }

    package func run() async throws {
        do {
            // Before anything else, which might start a thread.
            let privileges = try Privileges.settle(options.capabilities)
            LoggingSystem.bootstrap(StandardErrorLog.init)
            let logger = Logger(label: "memwatchd")
            let paths = try DaemonPaths.resolve(
                uid: geteuid(), socket: options.socket, stateDirectory: options.stateDirectory)
            let configuration = try DaemonConfiguration.load(
                explicitFile: options.config, defaultFile: paths.configurationFile)
            if options.checkConfig { return }
            try await Daemon(
                options: options, paths: paths, configuration: configuration, privileges: privileges,
                logger: logger
            )
            .run()
        } catch {
            StandardErrorLog.write("memwatchd: \(error)")
            throw ExitCode(Self.status(of: error))
        }
    }

    /// sysexits.h: 64 the command line, 69 something needed is not there, 77 not permitted, 78 the
    /// configuration, 70 anything else.
    private static func status(of error: any Error) -> Int32 {
        switch error {
        case is ConfigurationError: 78
        case is DaemonPathsError: 64
        case VarlinkListenerError.pathTooLong, VarlinkListenerError.pathUnusable: 64
        case is VarlinkListenerError: 69
        case HistoryError.notWritable, HistoryError.symlink: 77
        case is HistoryError: 69
        case let error as StartError where error.isPermission: 77
        default: 70
        }
    }
}
