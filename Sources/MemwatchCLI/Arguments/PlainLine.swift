import ArgumentParser

/// Command lines of plain words, read without ArgumentParser.
///
/// ArgumentParser finds a command's options by reflection, which took two thirds of the time from start
/// to end of `memwatch regions PID`: some fifty searches through all protocol conformances of the
/// program. What people and scripts run once a second is read here: a pid in digits, flags, options with
/// a plain value, nothing twice. Every other line is ArgumentParser's, which alone knows what is wrong
/// with one, and the help.
enum PlainLine {
    /// The command, with everything set; nil where the line is not plain.
    static func command(_ arguments: [String]) -> (any ParsableCommand)? {
        guard let name = arguments.first else { return nil }
        var words = Words(arguments.dropFirst())
        switch name {
        case "regions":
            guard let pid = words.takePid(), let format = words.takeFormat() else { return nil }
            let (summary, resident) = (words.takeFlag("--summary"), words.takeFlag("--resident"))
            let socket = words.takeValue(of: "--socket")
            guard words.areTaken else { return nil }
            var command = RegionsCommand()
            (command.pid, command.at, command.start, command.kind) = (pid, nil, nil, [])
            (command.summary, command.resident) = (summary, resident)
            (command.format, command.daemon) = (FormatOption(format), SocketOption(socket))
            return command
        case "list":
            guard let format = words.takeFormat() else { return nil }
            let (all, rules) = (words.takeFlag("--all"), words.takeFlag("--rules"))
            let socket = words.takeValue(of: "--socket")
            guard words.areTaken else { return nil }
            var command = ListCommand()
            (command.all, command.rules) = (all, rules)
            (command.format, command.daemon) = (FormatOption(format), SocketOption(socket))
            return command
        default: return nil
        }
    }

    /// The words behind the command's name that nobody has taken yet.
    private struct Words {
        private var words: [String]

        init(_ words: ArraySlice<String>) { self.words = Array(words) }

        /// What is left is unknown here, or stands twice.
        var areTaken: Bool { words.isEmpty }

        mutating func takeFlag(_ flag: String) -> Bool {
            guard let index = words.firstIndex(of: flag) else { return false }
            words.remove(at: index)
            return true
        }

        /// nil where the option is not there; it stays where its value is missing or looks like an option.
        mutating func takeValue(of option: String) -> String? {
            guard let index = words.firstIndex(of: option), index + 1 < words.count,
                let first = words[index + 1].utf8.first, first != UInt8(ascii: "-")
            else { return nil }
            let value = words[index + 1]
            words.removeSubrange(index...index + 1)
            return value
        }

        /// The table where none is named; nil where it is not one.
        mutating func takeFormat() -> OutputFormat? {
            guard let value = takeValue(of: "--format") else { return .table }
            return OutputFormat(rawValue: value)
        }

        /// A word of digits at the beginning or the end, where it can be no option's value.
        mutating func takePid() -> String? {
            if let first = words.first, Self.isNumber(first) { return words.removeFirst() }
            guard let last = words.last, Self.isNumber(last),
                words.count == 1 || !words[words.count - 2].hasPrefix("--") || isFlag(words[words.count - 2])
            else { return nil }
            return words.removeLast()
        }

        private func isFlag(_ word: String) -> Bool { word == "--summary" || word == "--resident" }

        private static func isNumber(_ word: String) -> Bool {
            !word.isEmpty && word.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
    }
}

extension FormatOption {
    fileprivate init(_ format: OutputFormat) {
        self.init()
        self.format = format
    }
}

extension SocketOption {
    fileprivate init(_ socket: String?) {
        self.init()
        self.socket = socket
    }
}
