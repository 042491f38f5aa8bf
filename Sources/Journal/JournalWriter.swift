package import MemoryModel
import Synchronization

/// Writes events and the daemon's own messages to the systemd journal.
///
/// One entry per event through `sd_journal_sendv(3)`, with the fields MESSAGE, MESSAGE_ID, PRIORITY,
/// SYSLOG_IDENTIFIER (`memwatchd`), OBJECT_PID, MEMWATCH_PID, _COMM, _UNIT, _EVENT, _KIND,
/// _DELTA_BYTES, _SIZE_BYTES, _ADDRESS and _SOURCE. A field that is not known is not there.
///
/// Nothing here blocks but ``stop(deadline:)``, and that not beyond its deadline: ``JournalSender``
/// says how. What does not reach the journal is counted, and told in one entry when it is over.
package final class JournalWriter: Sendable {
    package struct Limits: Hashable, Sendable {
        /// `[journal] minimum_growth`: changes below it make no entry. Events about a whole process,
        /// and alerts, always do.
        package var minimumGrowthBytes: UInt64 = 64 << 10
        /// `[journal] rate_burst` and `rate_per_second`: about one target.
        package var perTarget = Rate(burst: 1000, perSecond: 50)
        /// About all targets. journald drops what one service says beyond 10,000 entries in 30 s
        /// (RateLimitBurst= of journald.conf(5)) without knowing what mattered; these stay below:
        /// 2,000 + 30 × 200 = 8,000.
        package var total = Rate(burst: 2000, perSecond: 200)
        /// What the daemon says about itself, which no target's flood may silence.
        package var notes = Rate(burst: 100, perSecond: 10)
        /// Entries waiting for the journal at most; each holds about 1 KiB.
        package var queueCapacity = 1024
        /// How long drops must have ended before they are told.
        package var summaryDelay = Duration.seconds(5)

        package init() {}

        /// As `[journal]` has them. All targets together may say four times what one may, and twice
        /// as much at once.
        package init(minimumGrowthBytes: UInt64, burst: UInt32, perSecond: UInt32) {
            self.minimumGrowthBytes = minimumGrowthBytes
            perTarget = Rate(burst: burst, perSecond: perSecond)
            total = Rate(
                burst: UInt32(clamping: UInt64(burst) * 2), perSecond: UInt32(clamping: UInt64(perSecond) * 4)
            )
        }
    }

    /// Counts since the start; they only grow.
    package struct Statistics: Hashable, Sendable {
        /// Taken by the journal.
        package internal(set) var sent: UInt64 = 0
        /// Above the rate limit.
        package internal(set) var droppedByRate: UInt64 = 0
        /// No room in the queue, or still in it when the deadline of ``JournalWriter/stop(deadline:)`` came.
        package internal(set) var droppedByFull: UInt64 = 0
        /// Refused by the journal (dead, or none there), or written after the stop.
        package internal(set) var failed: UInt64 = 0
    }

    private let sender: JournalSender

    package init(limits: Limits = Limits()) {
        sender = JournalSender(limits: limits)
        sender.start()
    }

    /// Ends the thread also where nobody called ``stop(deadline:)``, without waiting for it.
    deinit { _ = sender.stop(deadline: 0) }

    /// Whether a journal takes entries on this machine (a container without systemd has none).
    package static var isJournalAvailable: Bool { JournalSocket.exists }

    /// Writes one event, unless it is smaller than ``Limits/minimumGrowthBytes``.
    ///
    /// - Parameter unit: the systemd unit of the process, for MEMWATCH_UNIT.
    package func write(_ event: MemoryEvent, unit: String?) {
        let minimum = sender.state.withLock { $0.limits.minimumGrowthBytes }
        guard event.isWorthAnEntry(minimum: minimum) else { return }
        let event = event.bounded
        let unit = unit.map { String(decoding: $0.utf8.prefix(256), as: UTF8.self) }
        sender.enqueue(.event(event, unit: unit)) { state, now in
            state.limiter.admit(pid: event.pid, comm: event.comm, limits: state.limits, now: now)
        }
    }

    /// Writes what a process held when it exited, as one entry. It counts against the target's rate limit.
    package func write(_ found: PostMortem) {
        var found = found
        found.comm = Array(found.comm.prefix(256))
        found.unit = found.unit.map { String(decoding: $0.utf8.prefix(256), as: UTF8.self) }
        found.largest = found.largest.prefix(PostMortem.mostRegions).map { region in
            var region = region
            // One more than is shown, so that it shows that something is left out.
            region.path = region.path.map { Array($0.prefix(257)) }
            return region
        }
        found.lastGrowth = found.lastGrowth?.bounded
        let entry = found
        sender.enqueue(.postMortem(entry)) { state, now in
            state.limiter.admit(pid: entry.pid, comm: entry.comm, limits: state.limits, now: now)
        }
    }

    /// Writes what the daemon has to say about itself.
    ///
    /// - Parameters:
    ///   - message: one line; control characters are escaped.
    ///   - id: MESSAGE_ID, where the catalogue has more to say.
    ///   - fields: further fields: a name of `A–Z`, `0–9` and `_`, and any bytes. At most 16 with
    ///     4 KiB each; more is cut off.
    package func note(
        _ priority: JournalPriority, _ message: String, id: DaemonMessage? = nil,
        fields: [(String, [UInt8])] = []
    ) {
        let message = String(decoding: message.utf8.prefix(4096), as: UTF8.self)
        let fields = fields.prefix(16).map { ($0.0, Array($0.1.prefix(4096))) }
        sender.enqueue(.note(priority, message, id: id, fields: fields)) { state, now in
            guard state.noteBucket.admits(state.limits.notes, now: now) else { return false }
            state.noteBucket.take(state.limits.notes, now: now)
            return true
        }
    }

    package var statistics: Statistics { sender.state.withLock { $0.statistics } }

    /// Puts other limits in force from the next entry on (SIGHUP).
    package func setLimits(_ limits: Limits) { sender.state.withLock { $0.limits = limits } }

    /// Sends what is waiting, then the summaries, and ends. Blocks its caller, at most for `deadline`.
    ///
    /// - Returns: false where journald did not take everything in time; what was left is counted as
    ///   ``Statistics/droppedByFull``. What is written afterwards is counted as failed.
    @discardableResult
    package func stop(deadline: Duration = .seconds(1)) -> Bool {
        sender.stop(deadline: MonotonicClock.nanoseconds.addingSaturating(deadline.nanoseconds))
    }
}

extension MemoryEvent {
    /// Whether the change is large enough. One of unknown size is: nobody may rely on its being small.
    fileprivate func isWorthAnEntry(minimum: UInt64) -> Bool {
        switch type {
        case .brkGrow, .brkShrink, .mmap, .munmap, .resize, .stackGrow: (delta?.magnitude ?? .max) >= minimum
        // Nothing grew; what was protected differently has a size all the same.
        case .protect: (size ?? .max) >= minimum
        case .attached, .exec, .fork, .exit, .detached, .gap: true
        case .threshold, .leakSuspected, .stackNearLimit, .mapsNearLimit, .writableExecutable: true
        }
    }

    /// Cut to what an entry shows, so that 1,024 waiting ones hold no 1,024 long paths.
    fileprivate var bounded: MemoryEvent {
        var event = self
        if event.comm.count > 256 { event.comm = Array(event.comm.prefix(256)) }
        if let path = event.path, path.count > 256 { event.path = Array(path.prefix(257)) }
        return event
    }
}
