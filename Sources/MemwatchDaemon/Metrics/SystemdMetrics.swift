import Varlink
import VarlinkServing

/// `io.systemd.Metrics`: what a scrape gives, for systemd-report(1) (systemd 260) and any other client of Varlink.
///
/// A client is told of the processes that it may see, as by every other method. The interface is systemd's; what it says
/// here is in docs/metrics.md.
struct SystemdMetrics: VarlinkService {
    let source: MetricsSource
    let gate: CurrentGate
    let streams: StreamCounter

    var interface: String { "io.systemd.Metrics" }

    func handle(_ call: VarlinkCall, _ replies: VarlinkReplies) async throws {
        guard call.more else { throw VarlinkError.expectedMore }
        let gate = gate.current
        let peer = gate.identity(of: call.peer)
        let isAdministrator = gate.isAdministrator(peer)
        let limit = isAdministrator ? .max : await source.keeper.configuration.access.streamsPerUser
        let answered: Void? = try await streams.counting(peer.uid, limit: limit) {
            let families = await source.families(for: peer, isAdministrator: isAdministrator)
            let rows = call.member == "Describe" ? Self.describe(families) : Self.list(families)
            for row in rows.dropLast() { try await replies.sendMore(row) }
            // There is always one: the daemon has metrics of its own.
            try await replies.send(rows.last ?? JSONObject())
        }
        if answered == nil { throw VarlinkError.permissionDenied }
    }

    /// One reply for each family that has a value.
    static func describe(_ families: [MetricFamily]) -> [JSONObject] {
        families.filter { !$0.samples.isEmpty }.map {
            ["name": .string(name(of: $0)), "description": .string($0.help), "type": .string(type(of: $0))]
        }
    }

    /// One reply for each value. What it is of is a process, by its pid, or the daemon.
    static func list(_ families: [MetricFamily]) -> [JSONObject] {
        families.flatMap { family in
            let name = name(of: family)
            return family.samples.map { sample in
                var row: JSONObject = ["name": .string(name)]
                if family.kind == .info {
                    row["value"] = sample.labels.first.map { .string($0.value) } ?? .null
                    return row
                }
                row["value"] = Int64(exactly: sample.value).map { .integer($0) } ?? .number(sample.value)
                var fields = JSONObject()
                for label in sample.labels {
                    if label.name == "pid" {
                        row["object"] = .string(label.value)
                    } else {
                        fields[label.name] = .string(label.value)
                    }
                }
                if !fields.isEmpty { row["fields"] = .object(fields) }
                return row
            }
        }
    }

    /// systemd-report(1) wants the name of the socket that it found in front, and then a name like those of Varlink's
    /// types: `org.memwatch.Monitor.RegionBytes`.
    private static func name(of family: MetricFamily) -> String {
        var words = family.name.split(separator: "_")
        if words.first == "memwatch" { words.removeFirst() }
        // Its value is its label's.
        if family.kind == .info, let label = family.samples.first?.labels.first?.name,
            words.last != label[...]
        {
            words.append(label[...])
        }
        return "org.memwatch.Monitor." + words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private static func type(of family: MetricFamily) -> String {
        switch family.kind {
        case .gauge: "gauge"
        case .counter: "counter"
        case .info: "string"
        }
    }

    var description: String {
        """
        # Metrics, as systemd-report(1) collects them.
        interface io.systemd.Metrics

        # A counter only grows, a gauge comes and goes, a string is one.
        type MetricFamilyType (counter, gauge, string)

        # Every value: of which family, what of (a process's pid; null where it is the daemon), and what tells it
        # from others of its family and object. To be called with "more".
        method List() -> (name: string, value: any, object: ?string, fields: ?object)

        # Every family that has a value. To be called with "more".
        method Describe() -> (name: string, description: string, type: MetricFamilyType)

        # There is no such metric.
        error NoSuchMetric ()

        """
    }
}
