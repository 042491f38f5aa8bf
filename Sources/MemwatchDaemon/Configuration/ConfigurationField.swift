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
        case .percent(let path): configuration[keyPath: path] = try percent()
        case .durationOrNever(let path, let range):
            configuration[keyPath: path] = try durationOrNever(in: range)
        case .thresholds(let path): configuration[keyPath: path] = try thresholds()
        }
    }

    private func percent() throws(UnreadableText) -> Int {
        let text = try string("a share in quotes, such as \"80%\", or \"\" for never")
        if text.isEmpty { return 0 }
        guard text.hasSuffix("%"), let percent = Int(text.dropLast()), (1...100).contains(percent) else {
            throw UnreadableText(
                "\(name) is \(UnreadableText.quote(text)); write \"1%\" to \"100%\", or \"\" for never")
        }
        return percent
    }

    private func durationOrNever(in range: ClosedRange<Int64>) throws(UnreadableText) -> Int64 {
        if value?.string == "" { return 0 }
        return try duration(in: range)
    }

    /// More would be looked at for each sample of each process.
    private static let mostThresholds = 100

    private func thresholds() throws(UnreadableText) -> [ThresholdRule] {
        guard let array = value?.array else {
            throw wrongType("thresholds in brackets, such as [\"heap > 2GiB for 5m\"]")
        }
        guard array.count <= Self.mostThresholds else {
            throw UnreadableText(
                "\(name) has \(array.count) thresholds; write at most \(Self.mostThresholds)")
        }
        var rules: [ThresholdRule] = []
        for index in 0..<array.count {
            guard let text = array[index].string else {
                throw UnreadableText(
                    "\(name) has \(ConfigurationReader.describe(array[index])) in it; write thresholds in quotes"
                )
            }
            let rule = try ThresholdRule(text)
            if !rules.contains(rule) { rules.append(rule) }
        }
        return rules
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
