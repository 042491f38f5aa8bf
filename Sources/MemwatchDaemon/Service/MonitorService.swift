package import History
package import Journal
package import MemoryModel
import MemwatchInterface
package import ProcFS
package import Tracing
import Varlink
package import VarlinkServing

/// Answers `org.memwatch.Monitor`.
///
/// Each method is an extension in a file of its own. All of them ask first who is calling, and answer
/// about a process only what the caller could read of it itself.
package struct MonitorService: Sendable {
    let tracer: Tracer
    let keeper: TargetKeeper
    let recorder: Recorder
    let store: HistoryStore
    let feed: EventFeed
    let queries: BlockingWork
    let root: ProcRoot
    let journal: JournalWriter?
    let gate: CurrentGate
    let facts: DaemonFacts
    private let streams: StreamCounter

    package init(
        tracer: Tracer, keeper: TargetKeeper, recorder: Recorder, store: HistoryStore, feed: EventFeed,
        queries: BlockingWork, root: ProcRoot, journal: JournalWriter?, gate: CurrentGate, facts: DaemonFacts,
        streams: StreamCounter = StreamCounter()
    ) {
        self.tracer = tracer
        self.keeper = keeper
        self.recorder = recorder
        self.store = store
        self.feed = feed
        self.queries = queries
        self.root = root
        self.journal = journal
        self.gate = gate
        self.facts = facts
        self.streams = streams
    }
}

extension MonitorService: VarlinkService {
    package var interface: String { MonitorInterface.name }
    package var description: String { MonitorInterface.description }

    package func handle(_ call: VarlinkCall, _ replies: VarlinkReplies) async throws {
        guard let method = MonitorInterface.Method(rawValue: String(call.member)) else {
            throw VarlinkError.methodNotFound(call.method)
        }
        let gate = gate.current
        let peer = gate.identity(of: call.peer)
        guard call.more, !gate.isAdministrator(peer) else {
            return try await answer(method, call, peer, replies)
        }
        let limit = await keeper.configuration.access.streamsPerUser
        let answered: Void? = try await streams.counting(peer.uid, limit: limit) {
            try await answer(method, call, peer, replies)
        }
        if answered == nil { throw MonitorError.tooManyStreams(limit: Int64(limit)).varlinkError }
    }

    private func answer(
        _ method: MonitorInterface.Method, _ call: VarlinkCall, _ peer: PeerIdentity,
        _ replies: VarlinkReplies
    ) async throws {
        do {
            switch method {
            case .attach: try await attach(call, peer, replies)
            case .detach: try await detach(call, peer, replies)
            case .list: try await list(call, peer, replies)
            case .regions: try await regions(call, peer, replies)
            case .history: try await history(call, peer, replies)
            case .events: try await events(call, peer, replies)
            case .diff: try await diff(call, peer, replies)
            case .watch: try await watch(call, peer, replies)
            case .status: try await status(replies)
            }
        } catch let error as MonitorError {
            throw error.varlinkError
        } catch let error as HistoryError {
            throw MonitorError.historyUnavailable(reason: error.description).varlinkError
        }
    }
}

/// What does not change while the daemon runs.
package struct DaemonFacts: Sendable {
    package var version: String
    package var started: Timestamp
    package var historyPath: String
    /// Why the daemon holds the capabilities that it holds.
    package var capabilitiesReason: String

    package init(version: String, started: Timestamp, historyPath: String, capabilitiesReason: String) {
        self.version = version
        self.started = started
        self.historyPath = historyPath
        self.capabilitiesReason = capabilitiesReason
    }
}
