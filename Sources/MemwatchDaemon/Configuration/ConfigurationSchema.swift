import Glibc
import MemwatchInterface

/// Every section and key there is, with the values it takes.
///
/// One table for reading, for messages and for the file that is shipped: what is not here
/// is an unknown key.
enum ConfigurationSchema {
    struct Section {
        var name: String
        var keys: [Key]
    }

    struct Key {
        var name: String
        var value: Value
    }

    enum Value {
        /// Microseconds.
        case duration(WritableKeyPath<DaemonConfiguration, Int64>, ClosedRange<Int64>)
        /// Bytes.
        case size(WritableKeyPath<DaemonConfiguration, UInt64>, ClosedRange<UInt64>)
        case count(WritableKeyPath<DaemonConfiguration, Int>, ClosedRange<Int>)
        case switched(WritableKeyPath<DaemonConfiguration, Bool>)
        case source(WritableKeyPath<DaemonConfiguration, DaemonConfiguration.Events.Source>)
        /// A string, and what is wrong with one.
        case text(WritableKeyPath<DaemonConfiguration, String>, (String) -> String?)
    }

    private static let minute: Int64 = 60_000_000
    private static let hour: Int64 = 60 * minute
    private static let longestAge: Int64 = 3_650 * DaemonConfiguration.day

    static let interval: ClosedRange<Int64> = 100_000...hour

    /// `[alerts]` has no keys yet, and takes none.
    static var sections: [Section] {
        [
            Section(
                name: "sampling",
                keys: [
                    Key(name: "interval", value: .duration(\.sampling.intervalMicroseconds, interval)),
                    Key(
                        name: "full_scan_interval",
                        value: .duration(\.sampling.fullScanIntervalMicroseconds, interval)),
                ]),
            Section(name: "events", keys: [Key(name: "source", value: .source(\.events.source))]),
            Section(
                name: "history",
                keys: [
                    Key(name: "maximum_size", value: .size(\.history.maximumSizeBytes, 1 << 20...1 << 44)),
                    Key(name: "maximum_age", value: .duration(\.history.maximumAgeMicroseconds, age)),
                    Key(name: "raw_age", value: .duration(\.history.rawAgeMicroseconds, age)),
                    Key(name: "minute_age", value: .duration(\.history.minuteAgeMicroseconds, age)),
                ]),
            Section(
                name: "journal",
                keys: [
                    Key(name: "enabled", value: .switched(\.journal.isEnabled)),
                    Key(name: "minimum_growth", value: .size(\.journal.minimumGrowthBytes, 0...1 << 44)),
                    Key(name: "rate_burst", value: .count(\.journal.rateBurst, 1...1_000_000)),
                    Key(name: "rate_per_second", value: .count(\.journal.ratePerSecond, 1...100_000)),
                ]),
            Section(
                name: "access",
                keys: [
                    Key(name: "group", value: .text(\.access.group, problemOfGroup)),
                    Key(name: "maximum_targets", value: .count(\.access.maximumTargets, 1...1_000_000)),
                    Key(name: "connections_per_user", value: .count(\.access.connectionsPerUser, 1...10_000)),
                    Key(name: "targets_per_user", value: .count(\.access.targetsPerUser, 0...1_000_000)),
                    Key(name: "streams_per_user", value: .count(\.access.streamsPerUser, 0...10_000)),
                    Key(
                        name: "history_rows_per_user",
                        value: .count(\.access.historyRowsPerUser, 10_000...1_000_000_000)),
                ]),
            Section(
                name: "metrics", keys: [Key(name: "listen", value: .text(\.metrics.listen, problemOfListen))]),
            Section(name: "alerts", keys: []),
        ]
    }

    private static var age: ClosedRange<Int64> { minute...longestAge }

    /// group(5) separates its fields with `:`.
    private static func problemOfGroup(_ name: String) -> String? {
        let isName = name.utf8.count <= 255 && !name.utf8.contains { $0 <= 0x20 || $0 == 0x7f || $0 == 0x3a }
        return isName
            ? nil
            : "\(UnreadableText.quote(name)) is not the name of a group; write one such as memwatch, "
                + "or \"\" for none"
    }

    private static func problemOfListen(_ text: String) -> String? {
        if text.isEmpty { return nil }
        let problem =
            "\(UnreadableText.quote(text)) is not an address and a port; write one such as "
            + "\"127.0.0.1:9464\" or \"[::1]:9464\", or \"\" for none"
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            port > 0
        else { return problem }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            var address = in6_addr()
            return inet_pton(AF_INET6, String(host.dropFirst().dropLast()), &address) == 1 ? nil : problem
        }
        var address = in_addr()
        return host == "localhost" || inet_pton(AF_INET, String(host), &address) == 1 ? nil : problem
    }
}
