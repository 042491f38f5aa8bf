import ArgumentParser
import Glibc
import MemwatchInterface

/// The client as a function: arguments in, exit status out.
package enum MemwatchClient {
    /// Runs one command to its end.
    ///
    /// - Parameter arguments: Without the program's own name.
    /// - Returns: The status to exit with; everything there was to say has been written.
    package static func run(_ arguments: [String]) -> Int32 {
        prepareDescriptors()
        // A reader that goes away is told by EPIPE, which is an end and no accident.
        signal(SIGPIPE, SIG_IGN)
        do {
            try refuseHelpForNothing(arguments)
            var command = try PlainLine.command(arguments) ?? Memwatch.parseAsRoot(arguments)
            try command.run()
            return ExitStatus.done.rawValue
        } catch let failure as Failure {
            return end(failure, arguments)
        } catch {
            return end(parserError: error, arguments)
        }
    }

    /// ArgumentParser answers `help nonsense` with the general help and success.
    private static func refuseHelpForNothing(_ arguments: [String]) throws(Failure) {
        guard arguments.first == "help", let word = arguments.dropFirst().first, !word.hasPrefix("-"),
            word != "help", subcommand(of: [word]) == nil
        else { return }
        throw .usage("there is no command \(UnreadableText.quote(word)): see 'memwatch --help'")
    }

    private static func end(_ failure: Failure, _ arguments: [String]) -> Int32 {
        if let message = failure.message {
            Diagnostics.line(command: subcommand(of: arguments), message)
        }
        return failure.status.rawValue
    }

    /// ArgumentParser throws for help and version too; only the rest is an error, and that is
    /// several lines long as it comes.
    private static func end(parserError error: any Error, _ arguments: [String]) -> Int32 {
        guard !Memwatch.exitCode(for: error).isSuccess else {
            do throws(Failure) {
                let output = Output()
                try output.write(Memwatch.fullMessage(for: error) + "\n")
                try output.flush()
                return ExitStatus.done.rawValue
            } catch {
                return end(error, arguments)
            }
        }
        let command = subcommand(of: arguments)
        let help = command.map { "memwatch help \($0)" } ?? "memwatch --help"
        return end(.usage("\(complaint(error, arguments)): see '\(help)'"), arguments)
    }

    /// What ArgumentParser says, as a part of one line.
    private static func complaint(_ error: any Error, _ arguments: [String]) -> String {
        // It takes a negative number for an option, and then misses the argument.
        for word in arguments where word.first == "-" && word.count > 1 {
            guard word.utf8.dropFirst().allSatisfy({ (0x30...0x39).contains($0) }) else { continue }
            do throws(Failure) { _ = try ArgumentText.pid(word) } catch { return error.description }
        }
        var message = Memwatch.message(for: error).split(separator: "\n").joined(separator: " ")
        while message.last == "." { message.removeLast() }
        return message.prefix(1).lowercased() + message.dropFirst()
    }

    /// The subcommand that was meant, for the line that says what failed.
    private static func subcommand(of arguments: [String]) -> String? {
        guard let first = arguments.first(where: { !$0.hasPrefix("-") }) else { return nil }
        for command in Memwatch.configuration.subcommands where command.configuration.commandName == first {
            return first
        }
        return nil
    }

    /// A program started with standard output closed would get the next descriptor it opens as
    /// number 1, and write its answer into the daemon's socket. Descriptors opened the wrong way
    /// round keep the number taken and still fail as a closed one does.
    private static func prepareDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}
