package import MemoryModel

/// What a process held when it exited, as one sentence:
/// `postgres[812]: exited with 96.3 MiB of address space: heap (brk) 40.0 MiB, anon (mmap) 30.1 MiB, …;
/// largest: …; last growth: heap (brk) 12.0 MiB, 3.2 s before`.
package enum PostMortemSentence {
    /// Always one line, at most about 3 KiB.
    package static func text(_ found: PostMortem) -> String {
        var text = JournalSentence.subject(comm: found.comm, pid: found.pid) + ": exited"
        if let size = found.vmSizeBytes { text += " with \(BinarySize.text(size)) of address space" }
        let kinds = found.kinds.map(kinds) ?? []
        if !kinds.isEmpty { text += ": " + kinds.joined(separator: ", ") }
        if !found.largest.isEmpty {
            text += "; largest: " + found.largest.map(region).joined(separator: ", ")
        }
        if let growth = found.lastGrowth {
            text += "; last growth: " + self.growth(growth, before: found.time)
        }
        if found.oomKilled == true { text += "; its control group counts an out-of-memory kill" }
        return text
    }

    /// Every kind that is there, the largest first; equal ones in the order of the kinds.
    private static func kinds(_ totals: KindTotals) -> [String] {
        RegionKind.allCases.filter { totals[$0] > 0 }
            .sorted { (totals[$0], $1.rawValue) > (totals[$1], $0.rawValue) }
            .map { JournalSentence.noun($0) + " " + BinarySize.text(totals[$0]) }
    }

    private static func region(_ region: PostMortem.LargeRegion) -> String {
        let name = region.path.flatMap { $0.isEmpty ? nil : " " + PrintableText.escape($0, limit: 256) } ?? ""
        return JournalSentence.noun(region.kind) + " " + BinarySize.text(region.sizeBytes) + " at "
            + JournalSentence.address(region.start) + name
    }

    private static func growth(_ event: MemoryEvent, before end: Timestamp) -> String {
        let what = event.kind.map(JournalSentence.noun) ?? "address space"
        let amount = event.delta.map { " " + BinarySize.text($0.magnitude) } ?? ""
        return what + amount + ", " + span(from: event.time, to: end) + " before"
    }

    /// `0.3 s`, `3.2 s`, `4 min`, `7 h`, `12 d`: how long ago matters by its order of magnitude.
    private static func span(from start: Timestamp, to end: Timestamp) -> String {
        let (difference, overflow) = end.microseconds.subtractingReportingOverflow(start.microseconds)
        // The wall clock may have stepped back in between.
        let microseconds = overflow ? Int64.max : max(0, difference)
        switch microseconds / 1_000_000 {
        case ..<60: return "\(microseconds / 1_000_000).\(microseconds / 100_000 % 10) s"
        case ..<3_600: return "\(microseconds / 60_000_000) min"
        case ..<86_400: return "\(microseconds / 3_600_000_000) h"
        default: return "\(microseconds / 86_400_000_000) d"
        }
    }
}

extension JournalEntry {
    /// The entry of a process's end, with the totals as fields: `MEMWATCH_KIND_THREAD_STACK_BYTES=…`.
    static func of(_ found: PostMortem) -> JournalEntry {
        var entry = JournalEntry(
            message: PostMortemSentence.text(found), id: JournalMessageID.of(.exit),
            priority: found.oomKilled == true ? .warning : .notice)
        entry.appendProcess(found.pid, comm: found.comm)
        if let unit = found.unit { entry.append("MEMWATCH_UNIT", unit) }
        entry.append("MEMWATCH_EVENT", EventType.exit.name)
        if let size = found.vmSizeBytes { entry.append("MEMWATCH_SIZE_BYTES", String(size)) }
        if let time = found.lookTime { entry.append("MEMWATCH_TIME", time.rfc3339) }
        if let kinds = found.kinds {
            for kind in RegionKind.allCases where kinds[kind] > 0 {
                entry.append("MEMWATCH_KIND_\(fieldName(kind))_BYTES", String(kinds[kind]))
            }
        }
        if let growth = found.lastGrowth {
            if let kind = growth.kind { entry.append("MEMWATCH_LAST_GROWTH_KIND", kind.name) }
            if let delta = growth.delta { entry.append("MEMWATCH_LAST_GROWTH_BYTES", String(delta)) }
            entry.append("MEMWATCH_LAST_GROWTH_TIME", growth.time.rfc3339)
        }
        if let killed = found.oomKilled { entry.append("MEMWATCH_OOM_KILL", killed ? "1" : "0") }
        return entry
    }

    private static func fieldName(_ kind: RegionKind) -> String {
        kind.name.split(separator: "-").joined(separator: "_").uppercased()
    }
}
