import Glibc
import History
import Inspection
import Journal
import Logging
import MemoryModel
import MemwatchInterface
import ProcFS
import ServiceLifecycle
import Tracing
import UnixSignals
import Varlink
import VarlinkServing

/// memwatchd, put together: the one place that knows all parts.
struct Daemon {
    let options: DaemonOptions
    let paths: DaemonPaths
    let configuration: DaemonConfiguration
    let privileges: Privileges
    let logger: Logger

    /// Runs until SIGTERM or SIGINT.
    func run() async throws {
        let started = Timestamp.now
        let notifier = Notifier()
        HeapUse.limitArenas()
        raiseDescriptorLimit()
        // Taken first of all: another daemon on the same socket or state must not be disturbed.
        let listeners = try openListeners()
        let opening = OpeningReport(notifier)
        let (store, notes) = try HistoryStore.open(historyConfiguration) { opening.hear($0) }
        let journal = configuration.journal.isEnabled ? JournalWriter(limits: journalLimits) : nil
        for note in notes {
            switch note {
            case .setAside: tell(.warning, note.description, journal, id: .databaseSetAside)
            case .migrated: tell(.notice, note.description, journal, id: .databaseMigrated)
            }
        }

        let root = ProcRoot()
        let writing = BlockingWork(threads: 1)
        let queries = BlockingWork(threads: 4)
        let feed = EventFeed()
        let recorder = Recorder(
            store: store, journal: journal, feed: feed, blocking: writing,
            alerts: AlertBook(configuration.alerts, maxMapCount: root.maxMapCount()),
            starter: AlertUnit(unitStarter(journal)))
        let kernel = kernelEvents()
        let tracer = Tracer(
            root: root, images: DeferredImageSource(), timing: timing(configuration), kernel: kernel
        ) {
            await recorder.record($0)
        }
        await recorder.setRegionSource { [weak tracer] id in await tracer?.toldRegions(of: id) }
        let gate = CurrentGate(AccessGate(rule: accessRule(configuration), root: root))
        let keeper = TargetKeeper(
            tracer: tracer, kernel: kernel, recorder: recorder, store: store, blocking: queries,
            root: root, gate: gate.current, journal: journal, configuration: configuration)
        let streams = StreamCounter()
        let metrics = MetricsSource(
            tracer: tracer, keeper: keeper, recorder: recorder, store: store, queries: queries,
            journal: journal, version: MemwatchVersion.text)
        let monitor = MonitorService(
            tracer: tracer, keeper: keeper, recorder: recorder, store: store, feed: feed, queries: queries,
            root: root, journal: journal, gate: gate,
            facts: DaemonFacts(
                version: MemwatchVersion.text, started: started,
                historyPath: paths.stateDirectory + "/history.sqlite",
                capabilitiesReason: privileges.reason),
            streams: streams)
        var interfaces: [any VarlinkService] = [monitor]
        if configuration.metrics.isOnVarlink {
            interfaces.append(SystemdMetrics(source: metrics, gate: gate, streams: streams))
        }
        let server = try VarlinkServer(
            info: ServiceInfo(
                vendor: "memwatch", product: "memwatchd", version: MemwatchVersion.text,
                url: "https://github.com/memwatch/memwatch"),
            services: interfaces, limits: varlinkLimits
        ) { [logger] event in logger.info("\(event)") }

        await keeper.restore()
        let reload: @Sendable () async -> Void = { [self] in
            await self.reload(notifier, tracer, keeper, recorder, gate, journal)
        }
        let hangups = await hangups()
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            .init(service: SamplingService(tracer: tracer)),
            .init(service: ChildrenService(keeper: keeper, execs: kernel.execs)),
            .init(
                service: HousekeepingService(
                    tracer: tracer, keeper: keeper, store: store, blocking: writing,
                    notifier: notifier, logger: logger)),
            .init(
                service: FlushingService(
                    store: store, blocking: BlockingWork(threads: 1), logger: logger)),
            .init(service: ReloadService(signals: hangups, reload: reload)),
            .init(
                service: AnsweringService(server: server, listeners: listeners) {
                    notifier.ready(status: "Watching")
                }),
        ]
        if let served = metricsService(metrics, journal) { services.append(.init(service: served)) }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services,
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        tell(.notice, "memwatchd \(MemwatchVersion.text) started", journal, id: .started)
        for gap in unmet(configuration) { tell(.warning, gap, journal, id: .started) }
        if let reason = kernel.refusal {
            let isDemanded = configuration.events.source == .perf
            let line = "watching by sampling: \(reason)"
            tell(isDemanded ? .warning : .notice, line, journal, id: .samplingOnly)
        }
        defer {
            kernel.stop()
            journal?.stop(deadline: .seconds(1))
            store.close()
        }
        try await group.run()
        notifier.stopping()
        tell(.notice, "memwatchd stopped", journal, id: .stopped)
    }

    // MARK: Start

    /// systemd's socket where there is one, else our own.
    private func openListeners() throws -> [VarlinkListener] {
        let passed = ListenDescriptors.take { [logger] problem in logger.warning("\(problem)") }
        if !passed.isEmpty {
            return try passed.map { try VarlinkListener.adopt(descriptor: $0.descriptor) }
        }
        try makeDirectory(of: paths.socket, mode: 0o755)
        // Everybody may connect: what each may see is decided call by call, by who is asking.
        return [try VarlinkListener.bind(path: paths.socket, mode: 0o666)]
    }

    private var historyConfiguration: HistoryConfiguration {
        get throws {
            // The user's own directories are made; one named on the command line must be there.
            if options.stateDirectory == nil { try makeDirectories(paths.stateDirectory, mode: 0o700) }
            return HistoryConfiguration(
                directory: paths.stateDirectory,
                maximumBytes: Int64(clamping: configuration.history.maximumSizeBytes),
                maximumAgeSeconds: configuration.history.maximumAgeMicroseconds / 1_000_000,
                rawAgeSeconds: configuration.history.rawAgeMicroseconds / 1_000_000,
                minuteAgeSeconds: configuration.history.minuteAgeMicroseconds / 1_000_000,
                maximumRowsPerUser: Int64(configuration.access.historyRowsPerUser))
        }
    }

    private func makeDirectory(of file: String, mode: mode_t) throws {
        guard let slash = file.lastIndex(of: "/"), slash > file.startIndex else { return }
        try makeDirectories(String(file[..<slash]), mode: mode)
    }

    /// Like `mkdir -p`.
    private func makeDirectories(_ path: String, mode: mode_t) throws {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try makeDirectories(String(path[..<slash]), mode: 0o755)
            if mkdir(path, mode) == 0 || errno == EEXIST { return }
        }
        let reason = errno
        throw StartError(
            "cannot make the directory \(path) (\(String(cString: strerror(reason)))); "
                + "name other places with --socket and --state-directory",
            isPermission: reason == EACCES || reason == EPERM || reason == EROFS)
    }

    /// Two descriptors a target (its directory and its statm); the soft limit of 1,024 is for programs
    /// that use select(2), which this is not.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        // The hard limit only with privilege (CAP_SYS_RESOURCE); the unit has its own, LimitNOFILE.
        var raised = rlimit(rlim_cur: 131_072, rlim_max: max(limit.rlim_max, 131_072))
        raised.rlim_cur = raised.rlim_max
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private func hangups() async -> AsyncStream<Void> {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        Task {
            for await _ in signals { continuation.yield() }
            continuation.finish()
        }
        return stream
    }

    // MARK: Configuration

    private var journalLimits: JournalWriter.Limits { Self.journalLimits(configuration) }

    private static func journalLimits(_ configuration: DaemonConfiguration) -> JournalWriter.Limits {
        JournalWriter.Limits(
            minimumGrowthBytes: configuration.journal.minimumGrowthBytes,
            burst: UInt32(clamping: configuration.journal.rateBurst),
            perSecond: UInt32(clamping: configuration.journal.ratePerSecond))
    }

    private var varlinkLimits: VarlinkLimits {
        var limits = VarlinkLimits()
        limits.connectionsPerUser = configuration.access.connectionsPerUser
        return limits
    }

    private func timing(_ configuration: DaemonConfiguration) -> TracerTiming {
        var timing = TracerTiming()
        timing.fullLookMicroseconds = configuration.sampling.fullScanIntervalMicroseconds
        return timing
    }

    private func accessRule(_ configuration: DaemonConfiguration) -> AccessRule {
        // Without the group only root sees all; a directory server that is away must not stop us.
        AccessRule(
            groupID: (try? GroupLookup.groupID(named: configuration.access.group)) ?? nil,
            ownUID: Privileges.seesOtherUsers ? nil : geteuid())
    }

    /// Kernel events, unless the configuration or the kernel is against it.
    private func kernelEvents() -> KernelEventsChoice {
        if configuration.events.source == .sampling { return .none(reason: "events.source is \"sampling\"") }
        return .records()
    }

    /// root's daemon and the service ask the system's manager; a user's own daemon, which alone has that user's
    /// runtime directory, asks that user's.
    private func unitStarter(_ journal: JournalWriter?) -> UnitStarter {
        UnitStarter(isUser: geteuid() != 0 && getenv("XDG_RUNTIME_DIR") != nil) { [self] unit, reason in
            tell(.warning, "\(unit) is not started: \(reason)", journal, id: .alertUnitFailed)
        }
    }

    /// nil where none is configured.
    private func metricsService(_ source: MetricsSource, _ journal: JournalWriter?) -> MetricsService? {
        guard !configuration.metrics.listen.isEmpty,
            let address = try? MetricsAddress(configuration.metrics.listen)
        else { return nil }
        return MetricsService(server: MetricsServer(address: address) { await source.families() }) {
            [self] problem in
            tell(.error, problem, journal, id: .metricsFailing)
        }
    }

    /// What the configuration asks for and this version does not do: said, not swallowed.
    private func unmet(_ configuration: DaemonConfiguration) -> [String] {
        var gaps: [String] = []
        let byProgram = configuration.targets.contains { if case .exe = $0.matcher { true } else { false } }
        let held = Privileges.held
        if byProgram, !held.isEmpty, !held.contains(.sysPtrace) {
            gaps.append(
                "a rule by exe adopts no other user's processes without CAP_SYS_PTRACE: use comm, unit or cgroup, "
                    + "or start with --capabilities full")
        }
        return gaps
    }

    private func changedByRestart(_ next: DaemonConfiguration) -> [String] {
        var keys: [String] = []
        if next.events.source != configuration.events.source { keys.append("events.source") }
        if next.metrics.listen != configuration.metrics.listen { keys.append("metrics.listen") }
        if next.metrics.isOnVarlink != configuration.metrics.isOnVarlink { keys.append("metrics.varlink") }
        return keys
    }

    /// A bad file leaves the old configuration in force and says where it is wrong.
    private func reload(
        _ notifier: Notifier, _ tracer: Tracer, _ keeper: TargetKeeper, _ recorder: Recorder,
        _ gate: CurrentGate, _ journal: JournalWriter?
    ) async {
        notifier.reloading()
        defer { notifier.ready() }
        do {
            let next = try DaemonConfiguration.load(
                explicitFile: options.config, defaultFile: paths.configurationFile)
            for key in changedByRestart(next) {
                tell(.warning, "\(key) is changed by a restart, not by a reload", journal, id: .reloaded)
            }
            gate.replace(AccessGate(rule: accessRule(next)))
            journal?.setLimits(Self.journalLimits(next))
            await tracer.setTiming(timing(next))
            await recorder.setAlerts(next.alerts)
            await keeper.apply(next, gate: gate.current)
            tell(.notice, "configuration reloaded", journal, id: .reloaded)
        } catch {
            tell(
                .error, "configuration not reloaded, the old one stays: \(error)", journal,
                id: .configurationRefused)
        }
    }

    /// To the journal and to standard error, which is the journal too where systemd started us.
    private func tell(
        _ priority: JournalPriority, _ message: String, _ journal: JournalWriter?, id: DaemonMessage
    ) {
        journal?.note(priority, message, id: id)
        // systemd would show both.
        if journal == nil || getenv("JOURNAL_STREAM") == nil {
            logger.log(level: priority == .notice ? .notice : .error, "\(message)")
        }
    }
}

/// Why the daemon does not start.
struct StartError: Error, CustomStringConvertible {
    let description: String
    let isPermission: Bool

    init(_ description: String, isPermission: Bool) {
        self.description = description
        self.isPermission = isPermission
    }
}
