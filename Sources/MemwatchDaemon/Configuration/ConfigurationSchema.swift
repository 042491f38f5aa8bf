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
        /// `"80%"`, or `""` for never.
        case percent(WritableKeyPath<DaemonConfiguration, Int>)
        /// A duration, or `""` for never, which is 0.
        case durationOrNever(WritableKeyPath<DaemonConfiguration, Int64>, ClosedRange<Int64>)
        case thresholds(WritableKeyPath<DaemonConfiguration, [ThresholdRule]>)
    }

    private static let minute: Int64 = 60_000_000
    private static let hour: Int64 = 60 * minute
    private static let longestAge: Int64 = 3_650 * DaemonConfiguration.day

    static let interval: ClosedRange<Int64> = 100_000...hour

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
                name: "metrics",
                keys: [
                    Key(name: "listen", value: .text(\.metrics.listen, problemOfListen)),
                    Key(name: "varlink", value: .switched(\.metrics.isOnVarlink)),
                ]),
            Section(
                name: "alerts",
                keys: [
                    Key(name: "thresholds", value: .thresholds(\.alerts.thresholds)),
                    Key(name: "stack_near_limit", value: .percent(\.alerts.stackNearLimit)),
                    Key(name: "maps_near_limit", value: .percent(\.alerts.mapsNearLimit)),
                    Key(
                        name: "leak_suspected",
                        value: .durationOrNever(\.alerts.leakMicroseconds, minute...DaemonConfiguration.day)),
                    Key(name: "writable_executable", value: .switched(\.alerts.writableExecutable)),
                    Key(name: "on_alert", value: .text(\.alerts.unit, problemOfUnit)),
                ]),
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

    /// systemd.unit(5): an instance of a template gets its name between `@` and `.`.
    private static func problemOfUnit(_ name: String) -> String? {
        if name.isEmpty { return nil }
        let letters = name.utf8.dropLast("@.service".utf8.count)
        let isTemplate =
            name.hasSuffix("@.service") && !letters.isEmpty && name.utf8.count <= 200
            && letters.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                    || ":-_.\\".utf8.contains(byte)
            }
        return isTemplate
            ? nil
            : "\(UnreadableText.quote(name)) is not a template of a service; write one such as "
                + "\"memwatch-alert@.service\", or \"\" for none"
    }

    private static func problemOfListen(_ text: String) -> String? {
        if text.isEmpty { return nil }
        do throws(UnreadableText) { _ = try MetricsAddress(text) } catch { return error.description }
        return nil
    }
}
