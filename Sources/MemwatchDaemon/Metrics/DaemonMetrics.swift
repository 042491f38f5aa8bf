import Glibc
import History
import Journal
import MemoryModel
import MemwatchInterface
import ProcFS
import Tracing

/// How the daemon itself is, as metrics.
struct DaemonMetrics: Sendable {
    var version: String
    var targets: Int
    var rules: Int
    var counts: TracerCounts
    var events: KernelEventFacts
    /// nil where the asking may not know.
    var alerts: [EventType: Int]?
    var historyBytes: Int64?
    var isHistoryWritten: Bool
    var journal: JournalWriter.Statistics?

    var families: [MetricFamily] {
        var build = MetricFamily("memwatch_build", .info, "Which memwatchd this is.")
        build.add(1, [("version", version)])
        var alerts = MetricFamily("memwatch_alerts", .gauge, "Alerts that are on.")
        for type in EventType.allCases where type.isAlert {
            alerts.add(self.alerts.map { $0[type] ?? 0 }, [("alert", type.name)])
        }
        var source = MetricFamily("memwatch_event_source", .info, "Where events come from.")
        source.add(1, [("source", events.eventSource)])
        let dropped = journal.map { $0.droppedByRate &+ $0.droppedByFull &+ $0.failed }
        return [
            build, source, alerts,
            MetricFamily("memwatch_targets", .gauge, "Processes that are watched.", targets),
            MetricFamily("memwatch_rules", .gauge, "Rules that adopt processes.", rules),
            MetricFamily("memwatch_ticks", .counter, "Ticks of the tracer.", counts.ticks),
            MetricFamily(
                "memwatch_late_ticks", .counter, "Ticks of a target that were left out.", counts.lateTicks),
            MetricFamily("memwatch_looks", .counter, "Full looks at maps.", counts.looks),
            MetricFamily(
                "memwatch_inconsistent_looks", .counter, "Looks at processes that changed meanwhile.",
                counts.inconsistentLooks),
            MetricFamily(
                "memwatch_kernel_records", .counter, "Records of the kernel's.", events.kernelRecords),
            MetricFamily(
                "memwatch_kernel_records_lost", .counter, "Records that the kernel dropped.",
                events.recordsLost),
            MetricFamily("memwatch_gaps", .counter, "Gaps in the kernel's records.", events.gaps),
            MetricFamily(
                "memwatch_history_size_bytes", .gauge, unit: "bytes", "The history on disk.", historyBytes),
            MetricFamily(
                "memwatch_history_written", .gauge, "1 while the history can be written.",
                isHistoryWritten ? 1 : 0),
            MetricFamily(
                "memwatch_journal_entries", .counter, "Entries that the journal took.", journal?.sent),
            MetricFamily(
                "memwatch_journal_entries_dropped", .counter, "Entries that it did not take.", dropped),
        ] + Self.ownProcess
    }

    private static var residentBytes: UInt64? { (try? ProcRoot().open(pid: getpid()).status())?.rssBytes }

    /// The names that every exporter has for itself.
    private static var ownProcess: [MetricFamily] {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        var processor = MetricFamily(
            "process_cpu_seconds", .counter, unit: "seconds", "Processor time of memwatchd.")
        processor.samples = [.init(labels: [], value: seconds(usage.ru_utime) + seconds(usage.ru_stime))]
        return [
            processor,
            MetricFamily(
                "process_resident_memory_bytes", .gauge, unit: "bytes", "Memory of memwatchd.", residentBytes),
        ]
    }
}
