import Glibc
import History
import Journal
import MemoryModel
import MemwatchInterface
import Tracing
import Varlink
import VarlinkServing

extension MonitorService {
    /// What everybody may know: nothing of it tells what other users' processes do.
    func status(_ replies: VarlinkReplies) async throws {
        let counts = tracer.counts
        let statistics = try? await queries.runUnlessCancelled { [store] in try store.statistics() }
        let failure = await recorder.failure
        let journal = journal?.statistics
        let dropped = journal.map { $0.droppedByRate &+ $0.droppedByFull &+ $0.failed } ?? 0
        let lastTick = await tracer.lastTick
        let lag = await tracer.lastLagMicroseconds
        let events = await KernelEventFacts(tracer)
        let status: JSONObject = [
            "version": .string(facts.version),
            "pid": .integer(Int64(getpid())),
            "uid": .integer(Int64(geteuid())),
            "capabilities": .array(Privileges.held.names.map { .string($0) }),
            "capabilities_reason": .string(facts.capabilitiesReason),
            "started": .string(facts.started.rfc3339),
            "targets": .integer(Int64(await tracer.count)),
            "rules": .integer(Int64(await keeper.ruleCount)),
            "event_source": .string(events.eventSource),
            "event_source_reason": events.reason.map { .string($0) } ?? .null,
            "kernel_records": .integer(Int64(clamping: events.kernelRecords)),
            "records_lost": .integer(Int64(clamping: events.recordsLost)),
            "gaps": .integer(Int64(clamping: events.gaps)),
            "forks_dropped": .integer(Int64(clamping: events.forksDropped)),
            "summarised": .integer(Int64(clamping: events.summarisedTargets)),
            "ticks": .integer(counts.ticks),
            "late_ticks": .integer(counts.lateTicks),
            "looks": .integer(counts.looks),
            "inconsistent_looks": .integer(counts.inconsistentLooks),
            "last_tick": lastTick.map { .string($0.rfc3339) } ?? .null,
            "lag_us": lag.map { .integer($0) } ?? .null,
            "history_path": .string(facts.historyPath),
            "history_bytes": statistics.map { .integer($0.bytesOnDisk) } ?? .null,
            "history_free_bytes": freeBytes.map { .integer($0) } ?? .null,
            "history_oldest": statistics?.oldest.map { .string($0.rfc3339) } ?? .null,
            "history_error": failure.map { .string($0.description) } ?? .null,
            "journal_sent": .integer(Int64(clamping: journal?.sent ?? 0)),
            "journal_dropped": .integer(Int64(clamping: dropped)),
        ]
        try await replies.send(status)
    }

    /// Room left on the history's disk for this user.
    private var freeBytes: Int64? {
        var info = statvfs()
        guard statvfs(facts.historyPath, &info) == 0 else { return nil }
        let (bytes, overflow) = UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
        return overflow ? nil : Int64(clamping: bytes)
    }
}
