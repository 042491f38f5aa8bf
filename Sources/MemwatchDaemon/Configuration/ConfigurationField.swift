import MemwatchInterface
import TOMLKit

/// One value of a file on its way into the configuration.
struct ConfigurationField {
    var name: String
    var value: (any TOMLValueConvertible)?

    func set(
        _ kind: ConfigurationSchema.Value, in configuration: inout DaemonConfiguration
    ) throws(UnreadableText) {
        switch kind {
        case .duration(let path, let range): configuration[keyPath: path] = try duration(in: range)
        case .size(let path, let range): configuration[keyPath: path] = try size(in: range)
        case .count(let path, let range): configuration[keyPath: path] = try count(in: range)
        case .switched(let path): configuration[keyPath: path] = try boolean()
        case .source(let path):
            let words = DaemonConfiguration.Events.Source.allCases.map { "\"\($0.rawValue)\"" }
            let choices = words.joined(separator: ", ")
            let text = try string(choices)
            guard let source = DaemonConfiguration.Events.Source(rawValue: text) else {
                throw UnreadableText("\(name) is \(UnreadableText.quote(text)); write one of \(choices)")
            }
            configuration[keyPath: path] = source
        case .text(let path, let problem):
            let text = try string("text in quotes")
            if let problem = problem(text) { throw UnreadableText("\(name): \(problem)") }
            configuration[keyPath: path] = text
        }
    }

    func duration(in range: ClosedRange<Int64>) throws(UnreadableText) -> Int64 {
        let text = try string("a duration in quotes, such as \"5m\"")
        let microseconds = try DurationText.parse(text)
        guard range.contains(microseconds) else {
            throw UnreadableText(
                "\(name) is \(UnreadableText.quote(text)); write a duration from "
                    + "\(DurationText.format(range.lowerBound)) to \(DurationText.format(range.upperBound))")
        }
        return microseconds
    }

    /// A string, or an integer of bytes.
    private func size(in range: ClosedRange<UInt64>) throws(UnreadableText) -> UInt64 {
        let text: String
        if let bytes = value?.int {
            guard bytes >= 0 else {
                throw UnreadableText("\(name) is \(bytes); write a size that is not negative")
            }
            text = String(bytes)
        } else {
            text = try string("a size in quotes, such as \"64KiB\"")
        }
        let bytes = try SizeText.parse(text)
        guard range.contains(bytes) else {
            throw UnreadableText(
                "\(name) is \(UnreadableText.quote(text)); write a size from "
                    + "\(SizeText.exact(range.lowerBound)) to \(SizeText.exact(range.upperBound))")
        }
        return bytes
    }

    private func count(in range: ClosedRange<Int>) throws(UnreadableText) -> Int {
        guard let number = value?.int else { throw wrongType("a number without quotes") }
        guard range.contains(number) else {
            throw UnreadableText(
                "\(name) is \(number); write a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func boolean() throws(UnreadableText) -> Bool {
        guard let boolean = value?.bool else { throw wrongType("true or false without quotes") }
        return boolean
    }

    func matcher() throws(UnreadableText) -> TargetRule.Matcher {
        if name == "pid" {
            guard let pid = value?.int else { throw wrongType("a process id without quotes, such as 812") }
            return try TargetRule.Matcher(pid: Int64(pid))
        }
        return try TargetRule.Matcher(key: name, value: try string("text in quotes"))
    }

    private func string(_ expected: String) throws(UnreadableText) -> String {
        guard let string = value?.string else { throw wrongType(expected) }
        return string
    }

    private func wrongType(_ expected: String) -> UnreadableText {
        UnreadableText("\(name) is \(ConfigurationReader.describe(value)); write \(expected)")
    }
}
