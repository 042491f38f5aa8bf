/// Metrics of one name, as Prometheus and OpenMetrics have them: what it is, and a value for each set of labels.
struct MetricFamily: Sendable {
    enum Kind: String, Sendable {
        case gauge
        case counter
        /// Labels that say something, with the value 1.
        case info
    }

    struct Sample: Sendable {
        var labels: [(name: String, value: String)]
        var value: Double
    }

    /// Without `_total` or `_info`, which the kind adds.
    var name: String
    var kind: Kind
    /// `bytes`, `seconds`: then it is the end of the name, too.
    var unit: String?
    var help: String
    var samples: [Sample] = []

    init(_ name: String, _ kind: Kind, unit: String? = nil, _ help: String) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.help = help
    }

    /// With one value and no labels; nothing where it is not known.
    init(_ name: String, _ kind: Kind, unit: String? = nil, _ help: String, _ value: (some BinaryInteger)?) {
        self.init(name, kind, unit: unit, help)
        if let value { samples = [Sample(labels: [], value: Double(value))] }
    }

    mutating func add(_ value: (some BinaryInteger)?, _ labels: [(name: String, value: String)]) {
        if let value { samples.append(Sample(labels: labels, value: Double(value))) }
    }
}
