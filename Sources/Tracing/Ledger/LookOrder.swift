import KernelEvents
import MemoryModel

/// Which records a look already shows.
///
/// A look takes microseconds to milliseconds, and what is mapped meanwhile may or may not be in it. Records of
/// before its beginning are, those of after its end are not; in between each must be judged by whether the
/// look shows what it says. What it does not show waits, so that the ledger does not call it gone because the
/// look was too early.
struct LookOrder {
    let look: [Region]
    let window: LookWindow
    let shadow: AddressList<Region>
    let isKnown: Bool

    /// Divides records in order of time; what waits never comes before anything due that it overlaps.
    func divide(_ records: [KernelRecord], _ paths: inout PathTable) -> (
        due: [KernelRecord], waiting: [KernelRecord]
    ) {
        guard let first = records.firstIndex(where: { $0.nanoseconds >= window.began }) else {
            return (records, [])
        }
        var isDue = [Bool](repeating: true, count: records.count)
        // Where the look shows a record, it shows all earlier ones there: their traces may be gone from it
        // (the guard page of a thread's stack is cut from a mapping that no longer is as it was made).
        var due = AddressSet()
        var isExecShown = false
        for index in stride(from: records.count &- 1, through: first, by: -1) {
            let record = records[index]
            if isExecShown { break }
            if record.nanoseconds > window.ended {
                isDue[index] = false
                continue
            }
            switch record.content {
            case .mapping(let mapping):
                isDue[index] = due.overlaps(mapping.start, mapping.end) || shows(mapping, &paths)
                if isDue[index] {
                    due.insert(mapping.start, mapping.end)
                }
            case .exec:
                isExecShown = isKnown ? !isOfOldImage : !due.isEmpty
                isDue[index] = isExecShown
                if isExecShown { markGroup(after: index, records, &isDue) }
                // By chance the look has something at the places of what came after.
                if !isExecShown { due = AddressSet() }
            case .fork, .exit, .gap:
                break
            }
        }
        // Nothing before an exec that the look does not show can be told apart from what is after it.
        if let exec = records.indices.first(where: { !isDue[$0] && records[$0].isExec }) {
            for index in exec..<records.count { isDue[index] = false }
        }
        return (
            records.indices.filter { isDue[$0] }.map { records[$0] },
            records.indices.filter { !isDue[$0] }.map { records[$0] }
        )
    }

    /// A look at the new program is, but for a millisecond, one at all that exec maps, whatever the program
    /// has done with it since.
    private func markGroup(after exec: Int, _ records: [KernelRecord], _ isDue: inout [Bool]) {
        var group = ExecGroup(records[exec], comm: [], before: nil)
        for index in exec &+ 1..<records.count {
            guard case .mapping(let mapping) = records[index].content, group.takes(mapping) else { return }
            group.took(mapping)
            isDue[index] = true
        }
    }

    /// True if any area of the program before is in the look, apart from stack and vdso, which may be at the
    /// same place in every program. (Without address randomisation the same program again looks like the old
    /// one: then the exec is told one round later.)
    private var isOfOldImage: Bool {
        var index = 0
        for shown in look where shown.kind != .stack && shown.kind != .vdso {
            while index < shadow.count, shadow[index].end <= shown.start { index &+= 1 }
            guard index < shadow.count else { return false }
            let known = shadow[index]
            if known.start == shown.start, known.end == shown.end, known.permissions == shown.permissions {
                return true
            }
        }
        return false
    }

    /// True if the record's whole area is in the look, with its permissions and backing; classification may
    /// have cut it.
    private func shows(_ mapping: MappingRecord, _ paths: inout PathTable) -> Bool {
        guard let area = RecordedArea(mapping, &paths) else { return true }
        var index = look.firstIndex(endingAbove: area.start)
        var position = area.start
        while position < area.end {
            guard index < look.count, look[index].start <= position,
                look[index].permissions == area.permissions,
                area.nature == .stack || area.isSameBacking(as: look[index], paths)
            else { return false }
            position = look[index].end
            index &+= 1
        }
        return true
    }
}

extension KernelRecord {
    var isExec: Bool {
        if case .exec = content { return true }
        return false
    }
}

/// Addresses, as ascending ranges that do not touch.
struct AddressSet {
    struct Span: AddressRange {
        var start: UInt64
        var end: UInt64
    }

    private var spans = AddressList<Span>()

    var isEmpty: Bool { spans.isEmpty }

    func overlaps(_ start: UInt64, _ end: UInt64) -> Bool {
        let index = spans.firstIndex(endingAbove: start)
        return index < spans.count && spans[index].start < end
    }

    mutating func insert(_ start: UInt64, _ end: UInt64) {
        guard start < end else { return }
        var span = Span(start: start, end: end)
        let first = spans.firstIndex(endingAbove: start)
        var next = first
        while next < spans.count, spans[next].start < end {
            span.start = min(span.start, spans[next].start)
            span.end = max(span.end, spans[next].end)
            next &+= 1
        }
        spans.replace(first..<next, with: CollectionOfOne(span))
    }
}
