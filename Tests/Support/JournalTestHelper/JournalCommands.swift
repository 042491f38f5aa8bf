import Glibc
import Journal
import MemoryModel

/// `journal`: lines of words; text that a word could not hold is hexadecimal, and `-` is nil.
final class JournalCommands {
    private var writer: JournalWriter?

    func run() {
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            guard let command = words.first else { continue }
            switch command {
            case "limits": limits(words)
            case "event": write(event(words), unit: words[10])
            case "exit": exit(words)
            case "note": note(words)
            case "flood": flood(words)
            case "settle": settle(total: UInt64(words[1]) ?? 0)
            case "stop": JournalTestHelper.say("stopped=\(stop(milliseconds: words[1]))")
            case "statistics": statistics()
            case "available": JournalTestHelper.say("available=\(JournalWriter.isJournalAvailable)")
            default: JournalTestHelper.say("unknown command \(command)")
            }
        }
    }

    private var current: JournalWriter {
        let current = writer ?? JournalWriter()
        writer = current
        return current
    }

    /// `limits MINIMUM BURST PER-SECOND TOTAL-BURST QUEUE SUMMARY-MS`
    private func limits(_ words: [String]) {
        let numbers = words.dropFirst().compactMap { UInt32($0) }
        var limits = JournalWriter.Limits()
        limits.minimumGrowthBytes = UInt64(numbers[0])
        limits.perTarget = JournalWriter.Rate(burst: numbers[1], perSecond: numbers[2])
        limits.total = JournalWriter.Rate(burst: numbers[3], perSecond: numbers[2])
        limits.notes = JournalWriter.Rate(burst: numbers[1], perSecond: numbers[2])
        limits.queueCapacity = Int(numbers[4])
        limits.summaryDelay = .milliseconds(Int64(numbers[5]))
        writer = JournalWriter(limits: limits)
        JournalTestHelper.say("ok")
    }

    /// `event TYPE PID COMM KIND DELTA SIZE START SOURCE PATH UNIT [COUNT CHILD]`
    private func event(_ words: [String]) -> MemoryEvent? {
        guard let type = EventType(name: words[1]), let pid = Int32(words[2]) else { return nil }
        var event = MemoryEvent(
            time: Timestamp(seconds: 1_800_000_000), pid: pid, comm: bytes(words[3]), type: type,
            source: words[8] == "perf" ? .perf : .sample)
        event.kind = RegionKind(name: words[4])
        event.delta = Int64(words[5])
        event.size = UInt64(words[6])
        event.start = UInt64(words[7])
        event.path = words[9] == "-" ? nil : bytes(words[9])
        event.count = words.count > 11 ? UInt64(words[11]) : nil
        event.child = words.count > 12 ? Int32(words[12]) : nil
        return event
    }

    private func write(_ event: MemoryEvent?, unit: String) {
        guard let event else { return JournalTestHelper.say("bad event") }
        current.write(event, unit: unit == "-" ? nil : unit)
        JournalTestHelper.say("ok")
    }

    /// `exit PID COMM UNIT HEAP OOM`: the post-mortem of a process with so much heap, which grew 1 MiB.
    private func exit(_ words: [String]) {
        let time = Timestamp(seconds: 1_800_000_000)
        var found = PostMortem(
            pid: Int32(words[1]) ?? 0, comm: bytes(words[2]), unit: words[3] == "-" ? nil : words[3],
            time: time)
        if let heap = UInt64(words[4]) {
            var kinds = KindTotals()
            kinds[.heap] = heap
            kinds[.threadStack] = 8 << 20
            found.kinds = kinds
            found.vmSizeBytes = kinds.total
            found.lookTime = time
            var growth = MemoryEvent(time: time, pid: found.pid, comm: found.comm, type: .brkGrow)
            growth.kind = .heap
            growth.delta = 1 << 20
            found.lastGrowth = growth
        }
        found.oomKilled = words[5] == "-" ? nil : words[5] == "1"
        current.write(found)
        JournalTestHelper.say("ok")
    }

    /// `note PRIORITY MESSAGE [NAME VALUE]…`
    private func note(_ words: [String]) {
        var fields: [(String, [UInt8])] = []
        for index in stride(from: 3, to: words.count - 1, by: 2) {
            fields.append((words[index], bytes(words[index + 1])))
        }
        let priority = UInt8(words[1]).flatMap(JournalPriority.init) ?? .debug
        current.note(priority, String(decoding: bytes(words[2]), as: UTF8.self), id: .started, fields: fields)
        JournalTestHelper.say("ok")
    }

    /// `flood COUNT PID`: as fast as a loop can.
    private func flood(_ words: [String]) {
        var event = MemoryEvent(
            time: Timestamp(seconds: 1_800_000_000), pid: Int32(words[2]) ?? 0, comm: Array("flood".utf8),
            type: .brkGrow)
        for index in 0..<(Int(words[1]) ?? 0) {
            event.delta = Int64(index) + (1 << 20)
            current.write(event, unit: nil)
        }
        JournalTestHelper.say("ok")
    }

    /// Returns when every entry so far is sent or counted as lost. The writer offers no event for that,
    /// nobody else needing one, so this polls and yields.
    private func settle(total: UInt64) {
        while true {
            let now = current.statistics
            if now.sent + now.failed + now.droppedByFull + now.droppedByRate >= total { break }
            sched_yield()
        }
        JournalTestHelper.say("ok")
    }

    private func stop(milliseconds: String) -> Bool {
        current.stop(deadline: .milliseconds(Int64(milliseconds) ?? 0))
    }

    private func statistics() {
        let now = current.statistics
        JournalTestHelper.say("\(now.sent)", "\(now.droppedByRate)", "\(now.droppedByFull)", "\(now.failed)")
    }

    private func bytes(_ hexadecimal: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = hexadecimal[...]
        while rest.count >= 2 {
            bytes.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
