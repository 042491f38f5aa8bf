package import MemoryModel

/// The eight levels of syslog(3), as the journal's PRIORITY field holds them.
package enum JournalPriority: UInt8, Sendable, CaseIterable {
    case emergency = 0
    case alert = 1
    case critical = 2
    case error = 3
    case warning = 4
    case notice = 5
    case info = 6
    case debug = 7
}

extension EventType {
    /// How urgent an entry about this event is: alerts are warnings, what happens to a whole
    /// process is a notice, and growing and shrinking, which every process does, is information.
    package var journalPriority: JournalPriority {
        switch self {
        case .threshold, .leakSuspected, .stackNearLimit, .mapsNearLimit, .writableExecutable: .warning
        case .attached, .exec, .fork, .exit, .detached, .gap: .notice
        case .brkGrow, .brkShrink, .mmap, .munmap, .resize, .protect, .stackGrow: .info
        }
    }
}
