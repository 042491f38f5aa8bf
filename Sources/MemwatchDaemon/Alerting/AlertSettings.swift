/// `[alerts]`: what is worth a warning.
package struct AlertSettings: Hashable, Sendable {
    package var thresholds: [ThresholdRule] = []
    /// Percent of RLIMIT_STACK that the stack may have; 0: never.
    package var stackNearLimit = 80
    /// Percent of vm.max_map_count; 0: never.
    package var mapsNearLimit = 80
    /// The span that a kind must have grown over without giving anything back; 0: leaks are not looked for.
    package var leakMicroseconds: Int64 = 0
    /// Whether memory that is both writable and executable is worth one.
    package var writableExecutable = false
    /// A template that systemd starts an instance of at each alert: `memwatch-alert@.service`; empty: none.
    package var unit = ""

    package init() {}
}
