package import MemoryModel
package import MemwatchInterface

/// A threshold as it stands in the configuration: `heap > 2GiB for 5m`, `anon grows > 10MiB/min for 10m`.
package struct ThresholdRule: Hashable, Sendable {
    /// What is measured.
    package enum Subject: Hashable, Sendable {
        case kind(RegionKind)
        case vmSize
        case rss
        case rssAnon
        case swap
    }

    package enum Condition: Hashable, Sendable {
        /// More than so many bytes.
        case above(UInt64)
        /// Grows by more than so many bytes a second, by the median slope over ``ThresholdRule/microseconds``.
        case grows(bytesPerSecond: Double)
    }

    package var subject: Subject
    package var condition: Condition
    /// For how long it must hold; for growth the span that it is measured over.
    package var microseconds: Int64
    /// As it was written.
    package var text: String

    private static let usualSpan: Int64 = 600_000_000
    private static let spans: ClosedRange<Int64> = 1_000_000...86_400_000_000

    package init(_ text: String) throws(UnreadableText) {
        self.text = text
        var words = text.split(separator: " ").map(String.init)
        func next() -> String? { words.isEmpty ? nil : words.removeFirst() }
        func unreadable(_ why: String) -> UnreadableText {
            UnreadableText(
                "\(UnreadableText.quote(text)) is not a threshold (\(why)); write one such as \"heap > 2GiB for 5m\" or "
                    + "\"anon grows > 10MiB/min for 10m\"")
        }
        guard let name = next() else { throw unreadable("it is empty") }
        guard let subject = Subject(name: name) else {
            throw unreadable("there is no size \(UnreadableText.quote(name))")
        }
        self.subject = subject
        var word = next()
        let isGrowth = word == "grows"
        if isGrowth { word = next() }
        guard word == ">" else { throw unreadable("a > is missing") }
        guard let amount = next() else { throw unreadable("a size is missing") }
        condition =
            isGrowth ? .grows(bytesPerSecond: try Self.rate(amount)) : .above(try SizeText.parse(amount))
        microseconds = isGrowth ? Self.usualSpan : 0
        guard let word = next() else { return }
        guard word == "for", let span = next(), words.isEmpty else {
            throw unreadable("behind the size there may only be \"for\" and a duration")
        }
        microseconds = try DurationText.parse(span)
        guard Self.spans.contains(microseconds) else { throw unreadable("a span is 1s to 1d") }
    }

    /// `10MiB/min`.
    private static func rate(_ text: String) throws(UnreadableText) -> Double {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let units: [Substring: Double] = ["s": 1, "min": 60, "h": 3_600, "d": 86_400]
        guard parts.count == 2, let seconds = units[parts[1]] else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is not a rate: write a size and /s, /min, /h or /d, such as 10MiB/min"
            )
        }
        return Double(try SizeText.parse(parts[0])) / seconds
    }
}

extension ThresholdRule.Subject {
    /// A kind's name, or a field's of a sample.
    init?(name: String) {
        switch name {
        case "vm_size": self = .vmSize
        case "rss": self = .rss
        case "rss_anon": self = .rssAnon
        case "swap": self = .swap
        default:
            guard let kind = RegionKind(name: name) else { return nil }
            self = .kind(kind)
        }
    }

    var kind: RegionKind? { if case .kind(let kind) = self { kind } else { nil } }

    /// nil where it could not be read.
    func bytes(of sample: Sample) -> UInt64? {
        switch self {
        case .kind(let kind): sample.kinds.map { $0[kind] }
        case .vmSize: sample.vmSizeBytes
        case .rss: sample.rssBytes
        case .rssAnon: sample.rssAnonBytes
        case .swap: sample.swapBytes
        }
    }
}
