/// Metric families as text, in one of the two forms that scrapers ask for.
struct MetricsText {
    enum Form: Sendable {
        /// `application/openmetrics-text`, version 1.0.0.
        case openMetrics
        /// `text/plain`, version 0.0.4: what `promtool check metrics` reads.
        case plain

        var contentType: String {
            switch self {
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            case .plain: "text/plain; version=0.0.4; charset=utf-8"
            }
        }

        /// What a scraper takes: OpenMetrics only where it names it.
        init(accept: String?) {
            self = accept?.contains("application/openmetrics-text") ?? false ? .openMetrics : .plain
        }
    }

    private(set) var text = ""

    init(_ families: [MetricFamily], _ form: Form) {
        for family in families where !family.samples.isEmpty { write(family, form) }
        if form == .openMetrics { text += "# EOF\n" }
    }

    private mutating func write(_ family: MetricFamily, _ form: Form) {
        let suffix =
            switch family.kind {
            case .counter: "_total"
            case .info: "_info"
            case .gauge: ""
            }
        // OpenMetrics names the family, the older form what its samples are called; and knows no info.
        let named = form == .openMetrics ? family.name : family.name + suffix
        let kind = form == .plain && family.kind == .info ? MetricFamily.Kind.gauge : family.kind
        text += "# HELP \(named) \(Self.escaped(family.help, quotes: form == .openMetrics))\n"
        text += "# TYPE \(named) \(kind.rawValue)\n"
        if form == .openMetrics, let unit = family.unit { text += "# UNIT \(named) \(unit)\n" }
        for sample in family.samples {
            text += family.name + suffix
            if !sample.labels.isEmpty {
                let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
                text += "{" + labels.joined(separator: ",") + "}"
            }
            text += " " + Self.number(sample.value) + "\n"
        }
    }

    /// All whole numbers that a Double holds exactly are written whole.
    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 0x1p63 ? String(Int64(value)) : String(value)
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
