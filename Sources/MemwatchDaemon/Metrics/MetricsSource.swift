import History
import Journal
import Tracing

/// Answers scrapes with what is known now: nothing is looked at for a scrape.
struct MetricsSource: Sendable {
    let tracer: Tracer
    let keeper: TargetKeeper
    let recorder: Recorder
    let store: HistoryStore
    let queries: BlockingWork
    let journal: JournalWriter?
    let version: String

    func families() async -> [MetricFamily] {
        let snapshots = await tracer.snapshots
        let statistics = try? await queries.run { [store] in try store.statistics() }
        let daemon = DaemonMetrics(
            version: version, targets: snapshots.count, rules: await keeper.ruleCount, counts: tracer.counts,
            events: await KernelEventFacts(tracer), alerts: await recorder.activeAlerts,
            historyBytes: statistics?.bytesOnDisk, isHistoryWritten: await recorder.failure == nil,
            journal: journal?.statistics)
        return TargetMetrics.families(snapshots) + daemon.families
    }
}
