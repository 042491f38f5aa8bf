/// Where the history lives and how much of it is kept.
package struct HistoryConfiguration: Sendable {
    /// The state directory. It must exist; it is opened without following a symlink.
    package var directory: String
    /// Bytes the data may take, write-ahead log included.
    package var maximumBytes: Int64
    /// Nothing older is kept, in any resolution.
    package var maximumAgeSeconds: Int64
    /// Every stored sample is kept this long; then one minute becomes minimum, maximum and last.
    package var rawAgeSeconds: Int64
    /// Minutes are kept this long; then one hour becomes minimum, maximum and last.
    package var minuteAgeSeconds: Int64
    /// Size of a file kept only to be given up when the disk is full, because then even
    /// deleting rows needs room.
    package var ballastBytes: Int64
    /// Samples, regions and events of the processes that one user alone has watched; see
    /// ``HistoryStore/register(_:attached:reader:rule:parent:share:)``.
    package var maximumRowsPerUser: Int64

    package init(
        directory: String, maximumBytes: Int64 = 1 << 30, maximumAgeSeconds: Int64 = 30 * 86_400,
        rawAgeSeconds: Int64 = 86_400, minuteAgeSeconds: Int64 = 7 * 86_400, ballastBytes: Int64 = 8 << 20,
        maximumRowsPerUser: Int64 = 4_000_000
    ) {
        self.directory = directory
        self.maximumBytes = maximumBytes
        self.maximumAgeSeconds = maximumAgeSeconds
        self.rawAgeSeconds = rawAgeSeconds
        self.minuteAgeSeconds = minuteAgeSeconds
        self.ballastBytes = ballastBytes
        self.maximumRowsPerUser = maximumRowsPerUser
    }
}

/// What ``HistoryStore/open(_:)`` did that an administrator should hear of, once.
package enum OpeningNote: Sendable, Hashable, CustomStringConvertible {
    /// The database was damaged. It was renamed, and a new one begun.
    case setAside(from: String, to: String, reason: String)
    /// An older schema was brought up to date. The names are those of migrations.
    case migrated(from: String, to: String)

    package var description: String {
        switch self {
        case .setAside(let from, let to, let reason):
            "the history \(from) is damaged (\(reason)); it was renamed to \(to) and a new history begun"
        case .migrated(let from, let to):
            "the history's schema was brought from \(from) to \(to)"
        }
    }
}
