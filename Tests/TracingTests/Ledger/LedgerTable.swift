import KernelEvents
import MemoryModel
import Testing

@testable import Tracing

/// A ledger that is fed by hand, in pages; each record is one nanosecond ×10 after the one before.
struct LedgerTable {
    var ledger = Ledger()
    var paths = PathTable()
    var context = LedgerContext()
    private(set) var now: Int64 = 100
    private(set) var events: [LedgerEvent] = []

    /// Begins with a look at time 100.
    init(_ regions: Region..., startBrk: UInt64? = nil) {
        context.startBrk = startBrk.map { $0 * page }
        _ = ledger.settle(with: regions, at: now)
    }

    /// Nothing is known yet.
    static var unknown: LedgerTable {
        var table = LedgerTable()
        table.ledger = Ledger()
        return table
    }

    mutating func record(_ content: KernelRecord.Content) -> KernelRecord {
        now += 10
        return KernelRecord(nanoseconds: now, tid: 7, content)
    }

    static func mapping(
        _ start: UInt64, _ end: UInt64, _ permissions: Permissions = [.read, .write],
        _ name: MappingRecord.Name = .anonymous, inode: UInt64 = 0, offset: UInt64 = 0, device: UInt32 = 1
    ) -> KernelRecord.Content {
        .mapping(
            MappingRecord(
                start: start * page, end: end * page, permissions: permissions, offset: offset * page,
                device: inode == 0 ? .none : DeviceNumber(rawValue: device), inode: inode, name: name))
    }

    /// Applies records, each 10 ns after the last, and compares what is told.
    mutating func expect(
        _ contents: KernelRecord.Content..., look: [Region]? = nil, tells lines: [String],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let records = contents.map { record($0) }
        if look != nil { context.look = context.look ?? LookWindow(began: now + 1, ended: now + 2) }
        events = ledger.apply(records, look: look, paths: &paths, context: context)
        context.look = nil
        #expect(events.map(\.inPages) == lines, sourceLocation: sourceLocation)
        for event in events {
            #expect(
                event.source == .sample || event.tid == 7 || event.type == .gap,
                sourceLocation: sourceLocation)
            #expect((event.notBefore ?? .min) <= event.nanoseconds, sourceLocation: sourceLocation)
        }
    }

    mutating func settles(
        _ look: Region..., tells lines: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        now += 10
        events = ledger.settle(with: look, at: now)
        #expect(events.map(\.inPages) == lines, sourceLocation: sourceLocation)
        #expect(ledger.regions == look, sourceLocation: sourceLocation)
    }
}

extension LedgerEvent {
    /// `mmap anon +3 10-13 → 3`, in pages; `(unseen)` where no record tells of it.
    var inPages: String {
        var text = type.name
        if let kind { text += " " + kind.name }
        if let delta { text += (delta > 0 ? " +" : " ") + "\(delta / Int64(page))" }
        if let start, let end { text += " \(start / page)-\(end / page)" }
        if let sizeAfter { text += " → \(sizeAfter / page)" }
        if let count { text += " ×\(count)" }
        return source == .sample ? text + " (unseen)" : text
    }
}

extension PathTable {
    static func one(_ name: String, after table: PathTable = PathTable()) -> PathTable {
        var table = table
        _ = table.intern(Array(name.utf8))
        return table
    }
}

extension LedgerTable {
    static let library = MappingRecord.Name.file(Array("/lib/libc.so.6".utf8))

    static func mapping(
        _ start: UInt64, _ end: UInt64, _ permissions: Permissions = [.read, .write], name: MappingRecord.Name
    ) -> KernelRecord.Content {
        mapping(start, end, permissions, name)
    }
}
