import Glibc
import MemoryModel
import Synchronization

@testable import KernelEvents

/// Bytes as the kernel writes them, made up.
struct FedRecord {
    var bytes: [UInt8]

    private init(_ type: UInt32, misc: UInt16 = 0, body: [UInt8], _ origin: Origin) {
        bytes = []
        put(type)
        put(misc)
        put(UInt16(8 + body.count + 32))
        bytes += body
        put(origin.pid)
        put(origin.tid ?? origin.pid)
        put(origin.time)
        put(UInt32(0))
        put(UInt32(0))
        put(origin.id)
    }

    /// The same, written on another CPU.
    func on(cpu: UInt32) -> FedRecord {
        var copy = self
        withUnsafeBytes(of: cpu) {
            copy.bytes.replaceSubrange((bytes.count - 16)..<(bytes.count - 12), with: $0)
        }
        return copy
    }

    struct Origin {
        var pid: Int32
        var tid: Int32?
        var time: Int64
        var id: UInt64
    }

    static func mapping(
        _ pid: Int32, tid: Int32? = nil, at time: Int64, id: UInt64 = 1, pages: UInt64 = 1,
        name: String = "//anon"
    ) -> FedRecord {
        var body = Bytes()
        body.put(pid)
        body.put(tid ?? pid)
        for word in [0x10_0000, pages * 4_096, 0x10_0000] as [UInt64] { body.put(word) }
        for _ in 0..<2 { body.put(UInt32(0)) }
        for _ in 0..<2 { body.put(UInt64(0)) }
        body.put(UInt32(3))
        body.put(UInt32(2))
        body.put(text: name)
        return FedRecord(10, misc: 0x2002, body: body.all, Origin(pid: pid, tid: tid, time: time, id: id))
    }

    static func fork(
        _ parent: Int32, child: Int32, at time: Int64, id: UInt64 = 1, thread: Int32? = nil, by: Int32? = nil
    ) -> FedRecord {
        task(
            7, [child, parent, thread ?? child, by ?? parent],
            Origin(pid: parent, tid: by, time: time, id: id))
    }

    static func exit(_ pid: Int32, tid: Int32? = nil, at time: Int64, id: UInt64 = 1) -> FedRecord {
        task(4, [pid, 1, tid ?? pid, 1], Origin(pid: pid, tid: tid, time: time, id: id))
    }

    private static func task(_ type: UInt32, _ ids: [Int32], _ origin: Origin) -> FedRecord {
        var body = Bytes()
        for id in ids { body.put(id) }
        body.put(origin.time)
        return FedRecord(type, body: body.all, origin)
    }

    static func exec(_ pid: Int32, _ comm: String, at time: Int64, id: UInt64 = 1, misc: UInt16 = 0x2000)
        -> FedRecord
    {
        var body = Bytes()
        body.put(pid)
        body.put(pid)
        body.put(text: comm)
        return FedRecord(3, misc: misc, body: body.all, Origin(pid: pid, time: time, id: id))
    }

    static func lost(_ count: UInt64, at time: Int64, id: UInt64 = 1) -> FedRecord {
        var body = Bytes()
        body.put(id)
        body.put(count)
        return FedRecord(2, body: body.all, Origin(pid: 1, time: time, id: id))
    }

    private mutating func put(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value) { bytes += $0 }
    }

    private struct Bytes {
        var all: [UInt8] = []

        mutating func put(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value) { all += $0 } }

        mutating func put(text: String) {
            all += text.utf8
            repeat { all.append(0) } while all.count % 8 != 0
        }
    }
}

/// A ring that holds what a test put in.
final class FedRing: RecordSource {
    let cpu: Int32
    let bytes: Int
    private let waiting = Mutex<[UInt8]>([])
    private let isFull = Mutex(false)

    init(cpu: Int32 = 0, bytes: Int = 1 << 20) {
        self.cpu = cpu
        self.bytes = bytes
    }

    func put(_ records: FedRecord...) { put(records.flatMap(\.bytes)) }

    func put(_ bytes: [UInt8]) { waiting.withLock { $0 += bytes } }

    /// The next one who reads it finds it full.
    func fill() { isFull.withLock { $0 = true } }

    func take(into target: UnsafeMutableRawPointer) -> TakenBytes {
        waiting.withLock { waiting in
            let count = min(waiting.count, bytes)
            waiting.withUnsafeBytes { if let base = $0.baseAddress { memcpy(target, base, count) } }
            waiting.removeFirst(count)
            let wasFull = isFull.withLock { full in
                defer { full = false }
                return full
            }
            return TakenBytes(count: count, wasNearlyFull: wasFull)
        }
    }
}

/// A pass over made-up rings, with a table of made-up scopes: scope n has one event, whose id is n.
final class FedPass {
    var table: WatchTable
    var pass: DrainPass
    let rings: [FedRing]
    private(set) var lastOutcome = WatchTable.Outcome()
    private(set) var freed: [EventScope] = []

    init(rings count: Int = 2, options: KernelEventSource.Options = .init()) {
        rings = (0..<count).map { FedRing(cpu: Int32($0)) }
        table = WatchTable(options: options)
        pass = DrainPass(rings: rings)
    }

    deinit { pass.deallocate() }

    /// - Parameter maker: the thread it was opened for, which may have been making another at that time, 0.
    func open(
        _ number: UInt64, _ scope: KernelEventSource.Scope = .machine, countsLost: Bool = false,
        maker: Int32? = nil
    ) {
        var opened = EventScope(number: ScopeNumber(rawValue: number), scope: scope, pid: 0)
        opened.events = [
            PerfEvent(
                descriptor: -1, id: number, cpu: 0, thread: maker ?? 0, content: .tasks,
                countsLost: countsLost)
        ]
        if let maker { opened.checks[.tasks, default: .init()].watch([maker], since: 0) }
        table.add(opened)
    }

    func watch(
        _ pid: Int32, scope: UInt64 = 1, since: Int64 = 0, followsChildren: Bool = false
    ) -> KernelEventQueue {
        let number = ScopeNumber(rawValue: scope)
        let queue = KernelEventQueue(
            pid: pid, scope: table.scopes[number]?.scope ?? .machine, scopeNumber: number, since: since,
            budget: table.budget)
        table.add(queue, followsChildren: followsChildren)
        return queue
    }

    /// One pass that begins long after all records, unless told otherwise.
    func run(at time: Int64 = .max) {
        let (outcome, freed) = pass.run(&table, startingAt: time)
        lastOutcome = outcome
        self.freed += freed
    }
}
