package import MemoryModel

/// An event as one sentence: `postgres[812]: heap (brk) grew 12.0 MiB to 96.3 MiB`.
///
/// Pure: no journal, no locale, no clock. Names and paths are escaped (``PrintableText``); a field
/// that is not known is left out, so that every sentence is well formed whatever is nil.
package enum JournalSentence {
    /// The journal's MESSAGE. Always one line, at most about 1.5 KiB.
    package static func text(_ event: MemoryEvent) -> String {
        subject(comm: event.comm, pid: event.pid) + ": " + predicate(event)
    }

    /// `postgres[812]`.
    package static func subject(comm: [UInt8], pid: Int32) -> String {
        "\(PrintableText.escape(comm, limit: 256))[\(pid)]"
    }

    /// The sentence without its subject: `heap (brk) grew 12.0 MiB to 96.3 MiB`.
    package static func predicate(_ event: MemoryEvent) -> String {
        switch event.type {
        case .attached: "attached" + of(event.size, ", with ", " of address space")
        case .detached: "detached" + of(event.size, ", with ", " of address space")
        case .brkGrow, .stackGrow: what(event) + " " + moved(event, otherwise: "grew") + times(event, "steps")
        case .brkShrink: what(event) + " " + moved(event, otherwise: "shrank") + times(event, "steps")
        case .mmap: "mapped" + contents(event)
        case .munmap: "unmapped" + contents(event)
        case .resize:
            what(event) + place(event) + " " + moved(event, otherwise: "was resized") + times(event, "steps")
                + name(event)
        case .protect:
            what(event) + place(event) + of(event.size, ", ", ",") + " is now "
                + (event.permissions?.text ?? "protected differently") + times(event, "steps") + name(event)
        case .exec:
            "started a new program (exec)" + of(event.size, ", with ", " of address space") + name(event)
        case .fork:
            "forked" + (event.child.map { " process \($0)" } ?? "")
                + of(event.size, ", with ", " of address space")
        case .exit: "exited" + of(event.delta.flatMap(lost), ", giving back ", "")
        case .threshold: threshold(event)
        case .leakSuspected: leak(event)
        case .stackNearLimit:
            what(event) + (event.isCleared ? " is no longer near its limit" : " is near its limit")
                + of(event.size, " at ", "")
        case .mapsNearLimit:
            "is \(event.isCleared ? "no longer " : "")near the number of mappings that the kernel allows "
                + "(vm.max_map_count)" + name(event)
        case .writableExecutable where event.isCleared:
            "has no memory any more that is both writable and executable"
        case .writableExecutable:
            what(event) + place(event) + of(event.size, ", ", ",") + " is both writable and executable"
                + name(event)
        case .gap:
            // Without a count they may have been switched off as well.
            (event.count.map { "the kernel dropped " + counted($0, "record") }
                ?? "the kernel's records have a gap")
                + ": what happened meanwhile is known by comparing looks"
        }
    }

    /// `heap (brk) is above its threshold with 2.1 GiB: heap > 2GiB for 5m`. What is no kind is named by its threshold.
    private static func threshold(_ event: MemoryEvent) -> String {
        (event.kind.map { noun($0) + " " } ?? "") + "is \(event.isCleared ? "below" : "above") "
            + "\(event.kind == nil ? "a" : "its") threshold" + of(event.size, " with ", "") + name(event)
    }

    private static func leak(_ event: MemoryEvent) -> String {
        event.isCleared
            ? what(event) + " does not grow any more" + of(event.size, ", at ", "")
            : what(event) + " may be leaking: it grows and gives nothing back" + of(event.size, ", at ", "")
                + name(event)
    }

    /// ` 2.0 MiB of anon (mmap) at 0x7f…`; of a summary ` 2.0 MiB of anon (mmap) in 1,234 mappings of one tick`.
    private static func contents(_ event: MemoryEvent) -> String {
        amount(event) + " " + what(event) + place(event) + times(event, "mappings") + name(event)
    }

    /// `heap (brk)`, `anon (mmap)`, `thread-stack (mmap) of thread 815`; `stack`, whose origin says no more.
    /// What the kernel reported names the thread that called, whosever stack it is.
    private static func what(_ event: MemoryEvent) -> String {
        guard let kind = event.kind ?? impliedKind(event.type) else { return "address space" }
        let noun = noun(kind)
        guard kind == .threadStack, event.source == .sample, let tid = event.tid else { return noun }
        return noun + " of thread \(tid)"
    }

    /// `heap (brk)`; `stack`, whose origin says no more.
    static func noun(_ kind: RegionKind) -> String {
        let origin = kind.origin.rawValue
        return kind.name == origin ? kind.name : "\(kind.name) (\(origin))"
    }

    private static func impliedKind(_ type: EventType) -> RegionKind? {
        switch type {
        case .brkGrow, .brkShrink: .heap
        case .stackGrow, .stackNearLimit: .stack
        case .mmap, .munmap, .resize, .protect, .writableExecutable: .anon
        default: nil
        }
    }

    /// `grew 12.0 MiB to 96.3 MiB`: the sign of the change decides the verb.
    private static func moved(_ event: MemoryEvent, otherwise verb: String) -> String {
        let end = of(event.size, " to ", "")
        guard let delta = event.delta, delta != 0 else { return verb + end }
        return (delta > 0 ? "grew " : "shrank ") + BinarySize.text(delta.magnitude) + end
    }

    /// ` 2.0 MiB of`, or nothing where the size is not known.
    private static func amount(_ event: MemoryEvent) -> String {
        of(event.delta?.magnitude, " ", " of")
    }

    private static func place(_ event: MemoryEvent) -> String {
        event.start.map { " at " + address($0) } ?? ""
    }

    private static func name(_ event: MemoryEvent) -> String {
        guard let path = event.path, !path.isEmpty else { return "" }
        return ": " + PrintableText.escape(path, limit: 256)
    }

    private static func of(_ bytes: UInt64?, _ before: String, _ after: String) -> String {
        bytes.map { before + BinarySize.text($0) + after } ?? ""
    }

    /// ` in 1,234 steps of one tick`, where the event stands for several changes.
    private static func times(_ event: MemoryEvent, _ noun: String) -> String {
        guard let count = event.count, count > 1 else { return "" }
        return " in \(grouped(count)) \(noun) of one tick"
    }

    /// `1 record`, `1,234 records`.
    private static func counted(_ count: UInt64, _ noun: String) -> String {
        grouped(count) + " " + noun + (count == 1 ? "" : "s")
    }

    /// `1,234,567`.
    static func grouped(_ count: UInt64) -> String {
        var text = ""
        let digits = Array(String(count))
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    private static func lost(_ delta: Int64) -> UInt64? { delta < 0 ? delta.magnitude : nil }

    /// `0x7f12a4000000`, as in every other output.
    static func address(_ address: UInt64) -> String { "0x" + String(address, radix: 16) }
}
