import MemwatchInterface
import Varlink

/// A connection to memwatchd, with its failures in the client's words.
struct Daemon {
    private let client: VarlinkClient
    private let endpoint: Endpoint

    /// - Parameter patience: how long the daemon may be silent while it owes an answer; nil for ever. The longest
    ///   answers are given in parts, so that half a minute means a daemon that is stopped.
    static func connect(
        _ endpoint: Endpoint, patience: Duration? = .seconds(30)
    ) throws(Failure) -> Daemon {
        do throws(VarlinkClientError) {
            return Daemon(
                client: try VarlinkClient.connect(
                    path: endpoint.path, requireOwner: .rootSelfOrUser(Endpoint.serviceUser),
                    patience: patience),
                endpoint: endpoint)
        } catch {
            throw Failure(daemon: error, at: endpoint)
        }
    }

    /// One question, one answer.
    func call(
        _ method: MonitorInterface.Method, _ parameters: JSONObject = JSONObject()
    ) throws(Failure) -> JSONObject {
        do {
            return try client.call(MonitorInterface.method(method), parameters)
        } catch {
            throw Failure(daemon: error, at: endpoint)
        }
    }

    /// One question, many answers: calls `body` with each as it comes.
    func stream(
        _ method: MonitorInterface.Method, _ parameters: JSONObject,
        _ body: (VarlinkReply) throws(Failure) -> Void
    ) throws(Failure) {
        do {
            try client.callMore(MonitorInterface.method(method), parameters) { try body($0) }
        } catch {
            throw Failure(daemon: error, at: endpoint)
        }
    }

    /// The same for replies that hold records in an array: calls `body` with each record's JSON.
    func streamRecords(
        _ method: MonitorInterface.Method, _ parameters: JSONObject, in member: StaticString,
        afterEach: () throws(Failure) -> Void = {},
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try stream(method, parameters) { (reply) throws(Failure) in
            try reply.forEachRecord(in: member, body)
            try afterEach()
        }
    }

    /// From any thread: whoever waits for an answer is told that the daemon has gone.
    func abort() { client.abort() }
}

extension JSONObject {
    /// An object among an answer's parameters, as a record.
    func object<Row: Record>(_ member: String) throws(Failure) -> Row {
        guard let object = self[member]?.objectValue else { throw .malformedAnswer(lacking: member) }
        do throws(RecordError) { return try Row(json: object) } catch {
            throw .malformedAnswer(error.description)
        }
    }

    /// The elements of an array among an answer's parameters, as records.
    func records<Row: Record>(_ member: String) throws(Failure) -> [Row] {
        guard let elements = self[member]?.arrayValue else { throw .malformedAnswer(lacking: member) }
        var rows: [Row] = []
        for element in elements {
            guard let object = element.objectValue else { throw .malformedAnswer(lacking: member) }
            do throws(RecordError) { rows.append(try Row(json: object)) } catch {
                throw .malformedAnswer(error.description)
            }
        }
        return rows
    }
}

extension VarlinkReply {
    /// The elements of an array among the parameters, as they came.
    func forEachRecord(
        in member: StaticString, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        do throws(ScanError<Failure>) {
            var scanner = JSONScanner(bytes)
            do throws(JSONScanner.Malformed) {
                guard try scanner.enter("parameters"), try scanner.enter(member) else {
                    throw JSONScanner.Malformed()
                }
            } catch { throw .malformed }
            try scanner.forEachElement(body)
        } catch {
            switch error {
            case .malformed: throw .malformedAnswer(lacking: "\(member)")
            case .body(let failure): throw failure
            }
        }
    }
}
