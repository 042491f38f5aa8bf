import MemoryModel

extension JournalEntry {
    static func of(_ item: JournalSender.Item) -> JournalEntry {
        switch item {
        case .event(let event, let unit): .of(event, unit: unit)
        case .postMortem(let found): .of(found)
        case .note(let priority, let message, let id, let fields): .note(priority, message, id, fields)
        }
    }

    /// What the daemon says about itself. Fields whose names journald would refuse are left out.
    private static func note(
        _ priority: JournalPriority, _ message: String, _ id: DaemonMessage?, _ fields: [(String, [UInt8])]
    ) -> JournalEntry {
        var entry = JournalEntry(
            message: PrintableText.escape(message.utf8, limit: 4096), id: id?.rawValue, priority: priority)
        for (name, value) in fields where isFieldName(name) { entry.append(name, value) }
        return entry
    }

    /// `left out 12345 entries about postgres[812] within 5.2 s: more than 1000 at once and 50 a second`.
    static func of(_ suppressed: RateLimiter.Suppressed, limits: JournalWriter.Limits) -> JournalEntry {
        let subject = suppressed.pid.map {
            JournalSentence.subject(comm: suppressed.comm, pid: $0)
        }
        let limit = subject == nil ? limits.total : limits.perTarget
        var entry = JournalEntry(
            message: """
                left out \(suppressed.tally.count) entries about \(subject ?? "many processes") within \
                \(suppressed.tally.duration): the limit is \(limit.burst) at once, then \
                \(limit.perSecond) a second
                """, id: DaemonMessage.entriesSuppressed.rawValue, priority: .warning)
        if let pid = suppressed.pid { entry.appendProcess(pid, comm: suppressed.comm) }
        entry.append("MEMWATCH_DROPPED", String(suppressed.tally.count))
        return entry
    }

    static func of(losses: DropTally) -> JournalEntry {
        var entry = JournalEntry(
            message: """
                lost \(losses.count) entries within \(losses.duration): the journal did not take them
                """, id: DaemonMessage.entriesLost.rawValue, priority: .warning)
        entry.append("MEMWATCH_DROPPED", String(losses.count))
        return entry
    }
}
