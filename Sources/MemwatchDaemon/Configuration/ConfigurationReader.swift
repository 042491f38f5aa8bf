import MemoryModel
import MemwatchInterface
import TOMLKit

/// Applies one file to a configuration, and collects what is wrong with the file.
struct ConfigurationReader {
    private let file: String
    private let positions: TOMLPositions
    private(set) var problems: [ConfigurationError.Problem] = []
    /// Keys that the file sets, with where: `history.raw_age`.
    private(set) var places: [String: TextPosition] = [:]

    /// - Parameter content: The file's bytes.
    static func apply(
        _ content: [UInt8], of file: String, to configuration: inout DaemonConfiguration
    ) -> ConfigurationReader {
        var reader = ConfigurationReader(file: file, positions: TOMLPositions(content))
        guard let table = reader.parse(content) else { return reader }
        reader.readRoot(table, into: &configuration)
        // toml++ keeps keys in the order of the alphabet; people read from top to bottom.
        reader.problems.sort {
            ($0.position ?? .init(line: 0, column: 0)) < ($1.position ?? .init(line: 0, column: 0))
        }
        return reader
    }

    private init(file: String, positions: TOMLPositions) {
        self.file = file
        self.positions = positions
    }

    // MARK: Syntax

    private mutating func parse(_ content: [UInt8]) -> TOMLTable? {
        // TOMLKit hands the text on as a C string, which ends at the first NUL: what follows
        // would be left out without a word.
        if let offset = content.firstIndex(of: 0) {
            report(
                TextPosition(offset: offset, in: content), "the file holds a NUL byte; it is not a text file")
            return nil
        }
        guard let text = String(validating: content, as: UTF8.self) else {
            let offset = Self.firstInvalidByte(content)
            report(
                TextPosition(offset: offset, in: content),
                "the byte 0x\(String(content[offset], radix: 16)) is not UTF-8; save the file as UTF-8")
            return nil
        }
        if let malformation = positions.malformation {
            report(TextPosition(offset: malformation.offset, in: content), malformation.message)
            return nil
        }
        do { return try TOMLTable(string: text) } catch let error as TOMLParseError {
            report(
                TextPosition(line: error.source.begin.line, column: error.source.begin.column),
                PrintableText.escape(error.description) + "; see toml.io for the syntax")
        } catch {
            report(TextPosition(line: 1, column: 1), "not TOML; see toml.io for the syntax")
        }
        return nil
    }

    private static func firstInvalidByte(_ content: [UInt8]) -> Int {
        var iterator = content.makeIterator()
        var parser = Unicode.UTF8.ForwardParser()
        var offset = 0
        while case .valid(let encoded) = parser.parseScalar(from: &iterator) { offset += encoded.count }
        return min(offset, content.count - 1)
    }

    // MARK: Sections

    private mutating func readRoot(_ table: TOMLTable, into configuration: inout DaemonConfiguration) {
        let sections = ConfigurationSchema.sections
        for name in table.keys {
            let path: TOMLPositions.Path = [.key(name)]
            if name == "target" {
                readTargets(table[name], into: &configuration)
                continue
            }
            guard let section = sections.first(where: { $0.name == name }) else {
                let known = sections.map { "[\($0.name)]" } + ["[[target]]"]
                let meant = Self.nearest(to: name, among: sections.map(\.name) + ["target"])
                report(
                    positions.position(of: path),
                    "unknown section \(UnreadableText.quote(name))"
                        + (meant.map { "; did you mean \($0 == "target" ? "[[target]]" : "[\($0)]")?" }
                            ?? "; write one of \(known.joined(separator: ", "))"))
                continue
            }
            guard let entries = table[name]?.table else {
                report(
                    positions.position(of: path),
                    "'\(name)' is \(Self.describe(table[name])); write a section, [\(name)]")
                continue
            }
            read(entries, section, into: &configuration)
        }
    }

    private mutating func read(
        _ table: TOMLTable, _ section: ConfigurationSchema.Section,
        into configuration: inout DaemonConfiguration
    ) {
        for name in table.keys {
            let path: TOMLPositions.Path = [.key(section.name), .key(name)]
            guard let key = section.keys.first(where: { $0.name == name }) else {
                reportUnknown(name, path, in: "[\(section.name)]", known: section.keys.map(\.name))
                continue
            }
            places[section.name + "." + name] = positions.position(of: path)
            let field = ConfigurationField(name: name, value: table[name])
            do throws(UnreadableText) {
                try field.set(key.value, in: &configuration)
            } catch {
                report(positions.positionOfValue(path), error.description)
            }
        }
    }

    // MARK: Targets

    private mutating func readTargets(
        _ value: (any TOMLValueConvertible)?, into configuration: inout DaemonConfiguration
    ) {
        guard let array = value?.array else {
            report(
                positions.position(of: [.key("target")]),
                "'target' is \(Self.describe(value)); write each target as [[target]]")
            return
        }
        for index in 0..<array.count {
            let path: TOMLPositions.Path = [.key("target"), .index(index)]
            guard let table = array[index].table else {
                report(
                    positions.position(of: path),
                    "a target is \(Self.describe(array[index])); write each target as [[target]]")
                continue
            }
            if let rule = readTarget(table, path) { configuration.targets.append(rule) }
        }
    }

    private mutating func readTarget(_ table: TOMLTable, _ path: TOMLPositions.Path) -> TargetRule? {
        let matchers = TargetRule.Matcher.keys
        let before = problems.count
        var rule: TargetRule?
        var interval: Int64?
        var includesChildren = false
        var named: [String] = []
        for name in table.keys {
            let path = path + [.key(name)]
            let field = ConfigurationField(name: name, value: table[name])
            do throws(UnreadableText) {
                switch name {
                case "interval": interval = try field.duration(in: ConfigurationSchema.interval)
                case "children": includesChildren = try field.boolean()
                case _ where matchers.contains(name):
                    named.append(name)
                    rule = TargetRule(try field.matcher())
                default:
                    reportUnknown(name, path, in: "[[target]]", known: matchers + ["interval", "children"])
                }
            } catch {
                report(positions.positionOfValue(path), error.description)
            }
        }
        if named.count != 1 {
            // In the order of the file, the second is the one too many.
            let places = named.compactMap { positions.position(of: path + [.key($0)]) }.sorted()
            report(
                places.count > 1 ? places[1] : positions.position(of: path),
                named.isEmpty
                    ? "a target without a process; write one of \(matchers.joined(separator: ", "))"
                    : "a target with \(named.joined(separator: " and ")); write one of them, and a [[target]] "
                        + "for each other")
        }
        guard problems.count == before, var rule else { return nil }
        rule.intervalMicroseconds = interval
        rule.includesChildren = includesChildren
        return rule
    }

    // MARK: Complaints

    private mutating func report(_ position: TextPosition?, _ message: String) {
        problems.append(
            .init(file: file, position: position ?? TextPosition(line: 1, column: 1), message: message))
    }

    private mutating func reportUnknown(
        _ name: String, _ path: TOMLPositions.Path, in section: String, known: [String]
    ) {
        let advice: String
        if known.isEmpty {
            advice = "it has none yet, leave it empty"
        } else if let meant = Self.nearest(to: name, among: known) {
            advice = "did you mean \(meant)?"
        } else {
            advice = "write one of \(known.joined(separator: ", "))"
        }
        report(
            positions.position(of: path), "unknown key \(UnreadableText.quote(name)) in \(section); \(advice)"
        )
    }

    static func describe(_ value: (any TOMLValueConvertible)?) -> String {
        switch value?.type {
        case .table: "a table"
        case .array: "an array"
        case .string: "a string"
        case .int: "an integer"
        case .double: "a floating-point number"
        case .bool: "a boolean"
        case .date: "a date"
        case .time: "a time"
        case .dateTime: "a date and time"
        case nil: "missing"
        }
    }

    /// The known name that differs by at most a third of its letters, if there is one.
    private static func nearest(to name: String, among known: [String]) -> String? {
        let name = Array(name.utf8.prefix(64))
        let distances = known.map { ($0, editDistance(name, Array($0.utf8))) }
        guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= max(1, best.0.utf8.count / 3) else {
            return nil
        }
        return best.0
    }

    /// Letters to insert, remove or replace to make one of the other.
    private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let replaced = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
