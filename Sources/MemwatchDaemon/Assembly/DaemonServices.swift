import History
import Journal
import Logging
import MemoryModel
import ServiceLifecycle
import Synchronization
import Tracing
import Varlink
import VarlinkServing

/// The tracer's ticks, until the daemon stops.
struct SamplingService: Service {
    let tracer: Tracer

    func run() async throws {
        await cancelWhenGracefulShutdown { await tracer.run() }
    }
}

/// Taking up the children that followed processes have, and processes that become what a rule means.
struct ChildrenService: Service {
    let keeper: TargetKeeper
    let execs: AsyncStream<Int32>?

    func run() async throws {
        await cancelWhenGracefulShutdown {
            async let following: Void = keeper.followChildren()
            if let execs { await keeper.followExecs(execs) }
            await following
        }
    }
}

/// The socket.
struct AnsweringService: Service {
    let server: VarlinkServer
    let listeners: [VarlinkListener]
    /// Called once clients can connect.
    let isReady: @Sendable () -> Void

    func run() async throws {
        // The sockets listen already: a client that connects now waits for the server, not in vain.
        isReady()
        try await cancelWhenGracefulShutdown { try await server.run(listening: listeners) }
    }
}

/// What has to be done now and then: adopting processes, removing old history, and telling systemd that
/// sampling goes on.
struct HousekeepingService: Service {
    let tracer: Tracer
    let keeper: TargetKeeper
    let store: HistoryStore
    let blocking: BlockingWork
    let notifier: Notifier
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // Apart from the rest: to take up thousands of processes at once may last longer than the
            // watchdog waits.
            async let adopting: Void = adoptProcesses()
            await keepHouse()
            await adopting
        }
    }

    private func adoptProcesses() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            if Task.isCancelled { return }
            await keeper.adopt()
        }
    }

    private func keepHouse() async {
        let watchdog = notifier.watchdogInterval.map { $0 / 2 }
        var lastRetention = ContinuousClock.now
        var lastWatchdog = ContinuousClock.now
        var lastTrim: ContinuousClock.Instant?
        var statusLine = ""
        while !Task.isCancelled {
            try? await Task.sleep(for: min(.seconds(1), watchdog ?? .seconds(1)))
            if Task.isCancelled { return }
            let now = ContinuousClock.now
            // Asking the tracer is the proof that its actor still runs.
            let count = await tracer.count
            if let watchdog, now - lastWatchdog >= watchdog, await isSampling() {
                notifier.watchdog()
                lastWatchdog = now
            }
            let status = "Watching \(count) process\(count == 1 ? "" : "es")"
            if status != statusLine { notifier.status(status) }
            statusLine = status
            if lastTrim.map({ now - $0 >= .seconds(15) }) ?? true {
                lastTrim = now
                HeapUse.trim()
                ImageUse.trim()
            }
            if now - lastRetention >= .seconds(30) {
                lastRetention = now
                do {
                    // In slices: between two of them the writer's thread takes a tick.
                    var isFinished = false
                    while !isFinished, !Task.isCancelled {
                        isFinished = try await blocking.run { [store] in
                            try store.runRetention(now: .now).isFinished
                        }
                    }
                } catch {
                    logger.debug("retention: \(error)")
                }
            }
        }
    }

    /// Fed by the sampler's real progress: if ticks are due and none comes, systemd should restart us.
    private func isSampling() async -> Bool { await tracer.isOnTime }
}

/// Bounds what a power cut takes from the history, by time.
struct FlushingService: Service {
    let store: HistoryStore
    /// A thread of its own: a busy disk may take seconds, and everything else goes on.
    let blocking: BlockingWork
    let logger: Logger

    /// As long as the kernel leaves what is written in memory by itself is 30 s (vm.dirty_expire_centisecs); a
    /// flush a tick would burden the disk of the database next door.
    static let interval = Duration.seconds(10)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                if Task.isCancelled { return }
                do { try await blocking.run { [store] in try store.flush() } } catch {
                    // The next write fails too, and says so; what is committed may still reach the disk.
                    logger.debug("flush: \(error)")
                }
            }
        }
    }
}

/// SIGHUP.
struct ReloadService: Service {
    let signals: AsyncStream<Void>
    let reload: @Sendable () async -> Void

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() { await reload() }
    }
}
