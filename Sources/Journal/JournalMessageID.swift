package import MemoryModel

/// What an entry is about, in the journal's MESSAGE_ID field: one random UUID per type, for ever.
///
/// `journalctl MESSAGE_ID=…` finds all entries of one type, and `journalctl -x` shows the text that
/// `systemd/memwatch.catalog` has for it; a test holds the two files together. An id is never
/// reused: a type that changes its meaning gets a new one (`journalctl --new-id128`).
package enum JournalMessageID {
    /// 32 lower-case hexadecimal digits, as MESSAGE_ID is written.
    package static func of(_ type: EventType) -> String {
        switch type {
        case .attached: "5dd81345ec4c42e4b359f585f3ad93f8"
        case .brkGrow: "372b03c8be704d63a40835f754cd0e57"
        case .brkShrink: "6f28607610a44ebfa86aa0a79f35255b"
        case .mmap: "74efe1a7eab344da8a6f11b57fab961c"
        case .munmap: "3f7d56ca689940d5acaef89aa5f4f089"
        case .resize: "5a58cb5f306c404a9e313361fc76c04f"
        case .protect: "40b0883313604167bb1a3ee577e99e27"
        case .stackGrow: "aa46e3bb98a24af5b7f9fd984d3a8b97"
        case .exec: "0656c3e197444b7aa16af6e4dcb56163"
        case .fork: "1cdac982686640a7a6c7aa00ec34c4f3"
        case .exit: "6a799fb2b459425a98d59c19eccaf794"
        case .detached: "826887f59f6d4a339a5b36efc439b759"
        case .threshold: "ec2d7128a65845e18b7109ef53209ab5"
        case .leakSuspected: "81bdf872e2264dbc8b0624bff1a33b08"
        case .stackNearLimit: "34b3b181b4474383bdb3fd182931f6f5"
        case .mapsNearLimit: "e5f4e4ab4df44e139295befc41846de9"
        case .writableExecutable: "bef8a735c7344b6e8bd3a11815754fc0"
        case .gap: "7b32b5b41fd848e8a7e326daed3a75bd"
        }
    }
}

/// What the daemon says about itself. The raw value is the MESSAGE_ID.
package enum DaemonMessage: String, Sendable, CaseIterable {
    case started = "0f06b00c6c52407fb03bd072123b2bc8"
    case stopped = "13f8b3a08ecc4f779137f86cb1c42ecd"
    case reloaded = "d221d3fa2b5c4fc4bcab8c7379083390"
    /// A configuration that was refused; the one before stays in force.
    case configurationRefused = "e20224408bef4b0280620da6811f9791"
    /// A corrupt database was renamed, and a new one begun.
    case databaseSetAside = "0f6d760b8544432a892dfb3518a62444"
    /// A database of an older version was brought up to date.
    case databaseMigrated = "0236b6f289334cfaa9479e1c7bff5c66"
    /// The history could not be written (disk full, I/O error).
    case historyFailing = "aee9834b75d041ebaf2efa6cde725cfc"
    /// A process may not be read, or no longer.
    case targetDenied = "7e6d2fa1bca540c9bacddd6381b422ae"
    /// Entries above the rate limit were left out.
    case entriesSuppressed = "54137dd6e38c4586b40f26b6368aa679"
    /// journald did not take entries.
    case entriesLost = "078cf656007740b0a76d173f907ec2cb"
    /// The kernel refuses events, so targets are watched by comparing looks alone.
    case samplingOnly = "2ba2c00222b54f9084fcb3c168659ce1"
    /// The unit of alerts.on_alert could not be started.
    case alertUnitFailed = "c98994ebfec044a7bbe0660c903ea8d1"
    /// Metrics cannot be served where metrics.listen says.
    case metricsFailing = "cd1529b7b7524051a45b6f32234e4515"
}
