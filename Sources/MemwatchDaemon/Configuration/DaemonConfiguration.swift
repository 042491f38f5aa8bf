/// What `memwatchd.toml` says, every key with its default.
///
/// Times are microseconds, sizes bytes. Values are within the bounds that ``ConfigurationSchema`` states;
/// code that makes one itself need not keep them.
package struct DaemonConfiguration: Hashable, Sendable {
    package struct Sampling: Hashable, Sendable {
        /// How often a target is looked at.
        package var intervalMicroseconds: Int64 = 1_000_000
        /// How often a target that seems unchanged is read in full all the same. Below the
        /// interval every look is a full one.
        package var fullScanIntervalMicroseconds: Int64 = 10_000_000

        package init() {}
    }

    package struct Events: Hashable, Sendable {
        package enum Source: String, Hashable, Sendable, CaseIterable {
            /// Kernel events where they are allowed, else sampling.
            case auto
            case perf
            case sampling
        }
        package var source = Source.auto

        package init() {}
    }

    package struct History: Hashable, Sendable {
        package var maximumSizeBytes: UInt64 = 1 << 30
        package var maximumAgeMicroseconds: Int64 = 30 * day
        /// How long samples are kept as they were taken; then one a minute.
        package var rawAgeMicroseconds: Int64 = day
        /// How long one a minute is kept; then one an hour.
        package var minuteAgeMicroseconds: Int64 = 7 * day

        package init() {}
    }

    package struct Journal: Hashable, Sendable {
        package var isEnabled = true
        /// Smaller growth is in the history only.
        package var minimumGrowthBytes: UInt64 = 64 << 10
        /// Entries that may come at once …
        package var rateBurst = 1_000
        /// … and each second after them.
        package var ratePerSecond = 50

        package init() {}
    }

    package struct Access: Hashable, Sendable {
        /// Its members see every process; empty: only root does.
        package var group = "memwatch"
        package var maximumTargets = 20_000
        package var connectionsPerUser = 64
        /// Processes that one user has watched; those that see all have no such bound, nor the next.
        package var targetsPerUser = 1_000
        /// Calls with `more` that one user has under way.
        package var streamsPerUser = 32
        /// Samples, regions and events that the history keeps for one user.
        package var historyRowsPerUser = 4_000_000

        package init() {}
    }

    package struct Metrics: Hashable, Sendable {
        /// `ADDRESS:PORT`; empty: off.
        package var listen = ""
        /// `io.systemd.Metrics` on the daemon's own socket.
        package var isOnVarlink = false

        package init() {}
    }

    package var sampling = Sampling()
    package var events = Events()
    package var history = History()
    package var journal = Journal()
    package var access = Access()
    package var metrics = Metrics()
    package var alerts = AlertSettings()
    /// Of all files, in their order.
    package var targets: [TargetRule] = []

    /// The defaults.
    package init() {}

    static let day: Int64 = 86_400_000_000
}
