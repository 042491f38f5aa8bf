import History
import Journal
import MemoryModel
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

    /// Of all processes.
    func families() async -> [MetricFamily] {
        await families(of: tracer.snapshots, alerts: recorder.activeAlerts)
    }

    /// Of the processes that `peer` may see. How many alerts are on says something of all of them.
    func families(for peer: PeerIdentity, isAdministrator: Bool) async -> [MetricFamily] {
        if isAdministrator { return await families() }
        return await families(of: keeper.visible(to: peer), alerts: nil)
    }

    private func families(of snapshots: [TargetSnapshot], alerts: [EventType: Int]?) async -> [MetricFamily] {
        let statistics = try? await queries.runUnlessCancelled { [store] in try store.statistics() }
        let daemon = DaemonMetrics(
            version: version, targets: await tracer.count, rules: await keeper.ruleCount,
            counts: tracer.counts, events: await KernelEventFacts(tracer), alerts: alerts,
            historyBytes: statistics?.bytesOnDisk, isHistoryWritten: await recorder.failure == nil,
            journal: journal?.statistics)
        return TargetMetrics.families(snapshots) + daemon.families
    }
}
