import Glibc
import MemoryModel
import MemwatchInterface
import Synchronization
import Varlink

/// The daemon's answers to `Watch`, read by a thread of their own, which connects again when the daemon goes.
final class WatchFeed: Sendable {
    enum Message: Sendable {
        /// What was before the watching began.
        case history(TargetRecord, [SampleRecord], before: Timestamp)
        case answer(Timestamp, [WatchedRecord], [EventRecord])
        /// The daemon has gone; another is waited for.
        case lost(String)
        /// It does not make sense to try again.
        case failed(Failure)
        /// All processes that were named are gone.
        case over
    }

    private let messages = Mutex<[Message]>([])
    private let pipe: WakePipe
    private let endpoint: Endpoint
    private let pids: [Int32]

    private static let pause: UInt32 = 500_000
    /// Of more processes the line begins with the watching.
    private static let mostWithHistory = 20

    init(_ pids: [Int32], _ endpoint: Endpoint, _ pipe: WakePipe) {
        (self.pids, self.endpoint, self.pipe) = (pids, endpoint, pipe)
    }

    func start() {
        DetachedThread.start { [self] in
            var hasAnswered = false
            while true {
                do throws(Failure) {
                    try follow(&hasAnswered)
                    return post(.over)
                } catch {
                    // The first time what is wrong is told and no more; later daemons are restarted and come back.
                    guard hasAnswered, error.status == .unavailable || error.status == .noInput else {
                        return post(.failed(error))
                    }
                    post(.lost(error.message ?? "the daemon has gone"))
                }
                usleep(Self.pause)
            }
        }
    }

    func take() -> [Message] {
        messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }

    private func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        pipe.wake()
    }

    private func follow(_ hasAnswered: inout Bool) throws(Failure) {
        var parameters = JSONObject()
        if !pids.isEmpty { parameters["pids"] = .array(pids.map { .integer(Int64($0)) }) }
        var isFirst = true
        // An answer comes each second.
        let daemon = try Daemon.connect(endpoint, patience: .seconds(10))
        try daemon.stream(.watch, parameters) { (reply) throws(Failure) in
            let answer = reply.parameters
            guard let text = answer["time"]?.stringValue, let time = Timestamp(rfc3339Written: text) else {
                throw .malformedAnswer(lacking: "time")
            }
            let watched: [WatchedRecord] = try answer.records("watched")
            if isFirst { remember(watched, before: time) }
            isFirst = false
            hasAnswered = true
            post(.answer(time, watched, try answer.records("events")))
        }
    }

    /// The last five minutes of each, where the history has them.
    private func remember(_ watched: [WatchedRecord], before time: Timestamp) {
        guard watched.count <= Self.mostWithHistory, let daemon = try? Daemon.connect(endpoint) else {
            return
        }
        for record in watched {
            let parameters: JSONObject = [
                "pid": .integer(Int64(record.target.pid)), "since": "-5m", "step": "5s",
            ]
            var samples: [SampleRecord] = []
            do throws(Failure) {
                try daemon.streamRecords(.history, parameters, in: "samples") { (bytes) throws(Failure) in
                    samples.append(try RecordPrinter<SampleRecord>.read(bytes))
                }
            } catch {
                return
            }
            post(.history(record.target, samples, before: time))
        }
    }
}
