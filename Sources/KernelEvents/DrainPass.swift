import Glibc
import MemoryModel

/// Empties the rings and hands on what was in them, in the order of time.
///
/// Each CPU writes its own ring, so a process that moves between CPUs leaves its records in several. A pass
/// copies all rings, sorts what it finds, and holds back what is younger than its own beginning for the next:
/// a ring that was read early may lack what one that was read late shows the consequences of. (Causes are
/// always there before: a fork is written before the child runs.)
///
/// Cost: 0.6 µs for each record of a watched process, measured with 20,000 of them a second on a busy machine;
/// memory is allocated only for names not seen lately.
struct DrainPass {
    private let rings: [any RecordSource]
    private let roomForCarried: Int
    /// Raw records: those held back in the last pass, then those of each ring.
    private var current: UnsafeMutableRawBufferPointer
    private var spare: UnsafeMutableRawBufferPointer
    private var entries: [Entry] = []
    private var carriedCount = 0
    private var gaps: [Gap] = []
    private var names = NameCache()

    private struct Entry {
        var time: Int64
        /// Of a record in ``current``; below 0, -1 - index of a gap.
        var offset: Int
    }

    private struct Gap {
        var time: Int64
        var scope: ScopeNumber
        var count: UInt64
    }

    /// Something was or may have been lost in the ring of a CPU.
    private struct Loss {
        var cpu: Int32
        /// When the first record after it was written, where the kernel told of it.
        var toldAt: Int64?
        var toldCount: UInt64 = 0
        /// The ring was full when it was read, so that the kernel could not tell yet.
        var isOpen = false
        /// What was read made no sense.
        var isDamaged = false
    }

    /// A record's time is taken before it is written; in between a virtual CPU can lose its turn.
    static let slack: Int64 = 1_000_000

    init(rings: [any RecordSource]) {
        self.rings = rings
        roomForCarried = rings.reduce(0) { $0 + $1.bytes }
        // Untouched pages cost nothing.
        current = .allocate(byteCount: 2 * roomForCarried, alignment: 8)
        spare = .allocate(byteCount: 2 * roomForCarried, alignment: 8)
    }

    func deallocate() {
        current.deallocate()
        spare.deallocate()
    }

    /// Something was held back, so the next pass should come soon.
    var holdsRecords: Bool { !entries.isEmpty }

    /// - Parameters:
    ///   - start: CLOCK_MONOTONIC before any ring is read. What is younger is held back always: a child's
    ///     record may be seen and its fork not, where that CPU's ring was read before.
    ///   - slack: nanoseconds before `start` from which on records are held back as well.
    /// - Returns: what it did, and the scopes that nobody uses any more, to be closed.
    mutating func run(
        _ table: inout WatchTable, startingAt start: Int64, slack: Int64 = Self.slack
    ) -> (WatchTable.Outcome, [EventScope]) {
        var used = carriedCount
        var losses: [Loss] = []
        for ring in rings {
            guard let target = current.baseAddress else { break }
            let taken = ring.take(into: target + used)
            var loss = Loss(cpu: ring.cpu, isOpen: taken.wasNearlyFull)
            let isWhole = gather(used..<(used + taken.count), &table, &loss)
            if taken.isDamaged || !isWhole {
                table.statistics.ringsDamaged &+= 1
                loss.isDamaged = true
            }
            used += taken.count
            if loss.isOpen || loss.isDamaged || loss.toldAt != nil { losses.append(loss) }
        }
        for loss in losses { mark(loss, &table) }
        for index in gaps.indices { entries.append(Entry(time: gaps[index].time, offset: -1 - index)) }
        // Records of one ring with the same time keep their order.
        entries.sort { ($0.time, $0.offset) < ($1.time, $1.offset) }
        return handOn(olderThan: start - slack, &table)
    }

    /// Finds the records among new bytes that could concern anybody. - Returns: false where they stop
    /// making sense.
    private mutating func gather(_ range: Range<Int>, _ table: inout WatchTable, _ loss: inout Loss) -> Bool {
        var offset = range.lowerBound
        var run = MappingRun(at: MonotonicTime.nanoseconds)
        defer { run.end(&table) }
        let all = UnsafeRawBufferPointer(rebasing: current[..<range.upperBound])
        while offset < range.upperBound {
            guard let length = SidebandRecord.length(at: offset, in: all),
                let record = SidebandRecord(UnsafeRawBufferPointer(rebasing: all[offset..<(offset + length)]))
            else { return false }
            table.statistics.recordsRead &+= 1
            switch record.kind {
            case .lost(let count):
                if loss.toldAt == nil { loss.toldAt = record.nanoseconds }
                loss.toldCount &+= count
            case .other: break
            case .comm, .exit, .fork, .mapping:
                if record.kind == .mapping { run.add(record, &table) }
                if table.concerns(record) {
                    entries.append(Entry(time: record.nanoseconds, offset: offset))
                }
            }
            offset += length
        }
        return true
    }

    /// Finds out who lost something, and puts gaps where it happened: before the record that tells of it, and
    /// behind everything where the kernel has not told yet.
    private mutating func mark(_ loss: Loss, _ table: inout WatchTable) {
        let now = MonotonicTime.nanoseconds
        for (scope, counted) in table.takeLost(cpu: loss.cpu) {
            // Without a count of its own a scope may have lost all that the ring did.
            let count = counted ?? loss.toldCount
            guard count > 0 || counted == nil || loss.isDamaged else { continue }
            table.statistics.recordsLost &+= count
            table.statistics.gaps &+= 1
            let told = min(count, loss.toldCount)
            if let time = loss.toldAt, told > 0 {
                gaps.append(Gap(time: time, scope: scope, count: told))
            }
            if count > told || loss.isOpen || loss.isDamaged {
                gaps.append(Gap(time: now, scope: scope, count: count - told))
            }
        }
    }

    private mutating func handOn(
        olderThan cutoff: Int64, _ table: inout WatchTable
    ) -> (WatchTable.Outcome, [EventScope]) {
        var outcome = WatchTable.Outcome()
        var freed: [EventScope] = []
        var held: [Entry] = []
        var heldGaps: [Gap] = []
        var heldBytes = 0
        let all = UnsafeRawBufferPointer(current)
        for entry in entries {
            if entry.offset < 0 {
                let gap = gaps[-1 - entry.offset]
                if gap.time > cutoff {
                    heldGaps.append(gap)
                } else {
                    table.gap(gap.scope, at: gap.time, count: gap.count, &outcome)
                }
                continue
            }
            guard let length = SidebandRecord.length(at: entry.offset, in: all) else { continue }
            let bytes = UnsafeRawBufferPointer(rebasing: all[entry.offset..<(entry.offset + length)])
            if entry.time > cutoff, heldBytes + length <= roomForCarried {
                UnsafeMutableRawBufferPointer(rebasing: spare[heldBytes...]).copyMemory(from: bytes)
                held.append(Entry(time: entry.time, offset: heldBytes))
                heldBytes += length
            } else if let record = SidebandRecord(bytes) {
                if let scope = table.route(record, names: &names, &outcome) { freed.append(scope) }
            }
        }
        swap(&current, &spare)
        entries = held
        gaps = heldGaps
        carriedCount = heldBytes
        return (outcome, freed)
    }
}

/// Counts mapping records for ``RecordFlow``, those of one process in a row together.
private struct MappingRun {
    private let now: Int64
    private var pid: Int32 = 0
    private var event: UInt64 = 0
    private var records = 0

    init(at now: Int64) { self.now = now }

    mutating func add(_ record: SidebandRecord, _ table: inout WatchTable) {
        if record.pid != pid || record.id != event {
            end(&table)
            (pid, event) = (record.pid, record.id)
        }
        records += 1
    }

    mutating func end(_ table: inout WatchTable) {
        if records > 0 { table.count(records, of: pid, from: event, at: now) }
        records = 0
    }
}
