import Analysis
import MemoryModel
import Tracing

/// One alert that went on or off.
struct Alert {
    var type: EventType
    var change: AlertState.Change
    var kind: RegionKind?
    var size: UInt64?
    /// The threshold, or how fast it grows.
    var text: String?
    var region: ObservedRegion?
}

/// The alerts about one process.
struct ProcessAlerts: Sendable {
    private var thresholds: [String: AlertState] = [:]
    private var stack = AlertState()
    private var maps = AlertState()
    private var leaks: [RegionKind: AlertState] = [:]
    private var writableExecutable = AlertState()
    /// Regions that are both now.
    private var writableExecutableRegions = 0
    /// Sizes over time, of what is asked by growth.
    private var recent: [ThresholdRule.Subject: RecentSizes] = [:]

    init() {}

    /// What an earlier daemon left.
    ///
    /// - Parameters:
    ///   - events: all of the process's alerts and their ends, in the order in which they were told.
    ///   - writableExecutableRegions: how many it had when it was last looked at.
    init(resuming events: [MemoryEvent], writableExecutableRegions: Int) {
        self.writableExecutableRegions = writableExecutableRegions
        for event in events {
            let state = AlertState(isFired: !event.isCleared)
            switch event.type {
            case .threshold: thresholds[String(decoding: event.path ?? [], as: UTF8.self)] = state
            case .leakSuspected: if let kind = event.kind { leaks[kind] = state }
            case .stackNearLimit: stack = state
            case .mapsNearLimit: maps = state
            case .writableExecutable: writableExecutable = state
            default: break
            }
        }
        thresholds = thresholds.filter { $0.value.isFired }
        leaks = leaks.filter { $0.value.isFired }
    }

    var isIdle: Bool {
        thresholds.isEmpty && stack.isIdle && maps.isIdle && leaks.isEmpty && recent.isEmpty
            && writableExecutableRegions == 0 && writableExecutable.isIdle
    }

    /// The types that are on.
    var fired: [EventType] {
        var types = [EventType](repeating: .threshold, count: thresholds.values.count { $0.isFired })
        types += [EventType](repeating: .leakSuspected, count: leaks.values.count { $0.isFired })
        if stack.isFired { types.append(.stackNearLimit) }
        if maps.isFired { types.append(.mapsNearLimit) }
        if writableExecutable.isFired { types.append(.writableExecutable) }
        return types
    }

    /// The end of all that is on: the program that they were about has become another.
    func ends(_ settings: AlertSettings) -> [Alert] {
        var ends = thresholds.filter(\.value.isFired).keys.sorted().map { text in
            let rule = settings.thresholds.first { $0.text == text }
            return Alert(type: .threshold, change: .cleared, kind: rule?.subject.kind, text: text)
        }
        for kind in RegionKind.allCases where leaks[kind]?.isFired == true {
            ends.append(Alert(type: .leakSuspected, change: .cleared, kind: kind))
        }
        if stack.isFired { ends.append(Alert(type: .stackNearLimit, change: .cleared, kind: .stack)) }
        if maps.isFired { ends.append(Alert(type: .mapsNearLimit, change: .cleared)) }
        if writableExecutable.isFired { ends.append(Alert(type: .writableExecutable, change: .cleared)) }
        return ends
    }

    mutating func keepOnly(_ settings: AlertSettings) {
        let texts = Set(settings.thresholds.map(\.text))
        thresholds = thresholds.filter { texts.contains($0.key) }
        let grown = Set(settings.thresholds.filter(\.isByGrowth).map(\.subject))
        recent = recent.filter { subject, _ in
            grown.contains(subject) || (settings.leakMicroseconds > 0 && subject.kind != nil)
        }
        if settings.leakMicroseconds == 0 { leaks = [:] }
        if settings.stackNearLimit == 0 { stack = AlertState() }
        if settings.mapsNearLimit == 0 { maps = AlertState() }
        if !settings.writableExecutable { writableExecutable = AlertState() }
    }

    mutating func take(
        _ observation: Observation, _ settings: AlertSettings, _ maxMapCount: UInt64?
    ) -> [Alert] {
        var alerts: [Alert] = []
        if settings.writableExecutable { alerts += takeRegions(observation) }
        // What is torn does not add up, and would fire by mistake.
        guard let sample = observation.sample, sample.isConsistent else { return alerts }
        remember(sample, settings)
        for rule in settings.thresholds {
            if let alert = take(rule, sample) { alerts.append(alert) }
        }
        alerts += takeLimits(sample, settings, maxMapCount)
        if settings.leakMicroseconds > 0 { alerts += takeLeaks(sample, settings.leakMicroseconds) }
        return alerts
    }

    // MARK: Thresholds

    private mutating func take(_ rule: ThresholdRule, _ sample: Sample) -> Alert? {
        let size = rule.subject.bytes(of: sample)
        let reading: AlertState.Reading
        var span = rule.microseconds
        switch rule.condition {
        case .above(let limit):
            reading = size.map { Self.reading($0, limit: limit) } ?? .unknown
        case .grows(let limit):
            // The span is in the slope already.
            span = 0
            guard let sizes = recent[rule.subject], sizes.hasNewPart else { return nil }
            reading =
                sizes.slope(over: rule.microseconds).map { slope in
                    slope > limit ? .met : slope < limit / 2 ? .over : .between
                } ?? .unknown
        }
        var state = thresholds[rule.text] ?? AlertState()
        let change = state.take(reading, at: sample.time, span: span)
        thresholds[rule.text] = state.isIdle ? nil : state
        return change.map {
            Alert(type: .threshold, change: $0, kind: rule.subject.kind, size: size, text: rule.text)
        }
    }

    /// Over from nine tenths down.
    private static func reading(_ size: UInt64, limit: UInt64) -> AlertState.Reading {
        size > limit ? .met : size < limit / 10 * 9 ? .over : .between
    }

    // MARK: Limits of the kernel

    private mutating func takeLimits(
        _ sample: Sample, _ settings: AlertSettings, _ maxMapCount: UInt64?
    ) -> [Alert] {
        var alerts: [Alert] = []
        if settings.stackNearLimit > 0, let size = sample.kinds?[.stack] {
            let limit = sample.stackLimitBytes.flatMap { $0 == .max ? nil : $0 }
            let border = limit.map { Self.percent(settings.stackNearLimit, of: $0) }
            let reading = border.map { Self.reading(size, limit: $0) } ?? .unknown
            if let change = stack.take(reading, at: sample.time, span: 0) {
                alerts.append(Alert(type: .stackNearLimit, change: change, kind: .stack, size: size))
            }
        }
        if settings.mapsNearLimit > 0, let count = sample.regionCount, let limit = maxMapCount {
            let border = Self.percent(settings.mapsNearLimit, of: limit)
            if let change = maps.take(
                Self.reading(UInt64(count), limit: border), at: sample.time, span: 0)
            {
                alerts.append(
                    Alert(
                        type: .mapsNearLimit, change: change, size: sample.vmSizeBytes,
                        text: "\(count) of \(limit)"))
            }
        }
        return alerts
    }

    private static func percent(_ percent: Int, of limit: UInt64) -> UInt64 {
        UInt64(Double(limit) / 100 * Double(percent))
    }

    // MARK: Leaks

    private mutating func takeLeaks(_ sample: Sample, _ span: Int64) -> [Alert] {
        var alerts: [Alert] = []
        for kind in RegionKind.allCases {
            guard let sizes = recent[.kind(kind)], sizes.hasNewPart, let growth = sizes.growth(over: span)
            else { continue }
            var state = leaks[kind] ?? AlertState()
            let isLeak = growth.isLeakSuspected && growth.confidence == .high
            let reading: AlertState.Reading = isLeak ? .met : growth.isLeakSuspected ? .between : .over
            let change = state.take(reading, at: sample.time, span: 0)
            leaks[kind] = state.isIdle ? nil : state
            guard let change else { continue }
            let rate = growth.slope.map { Int64($0.bytesPerSecond * 3_600) }
            alerts.append(
                Alert(
                    type: .leakSuspected, change: change, kind: kind, size: growth.last,
                    text: rate.map { "\(BinarySize.text(change: $0)) an hour" }))
        }
        return alerts
    }

    private mutating func remember(_ sample: Sample, _ settings: AlertSettings) {
        for rule in settings.thresholds where rule.isByGrowth {
            guard let bytes = rule.subject.bytes(of: sample) else { continue }
            recent[rule.subject, default: RecentSizes()].append(
                bytes, at: sample.time, span: rule.microseconds)
        }
        guard settings.leakMicroseconds > 0, let kinds = sample.kinds else { return }
        for kind in RegionKind.allCases where kinds[kind] > 0 || recent[.kind(kind)] != nil {
            recent[.kind(kind), default: RecentSizes()].append(
                kinds[kind], at: sample.time, span: settings.leakMicroseconds)
        }
    }

    // MARK: Writable and executable

    private mutating func takeRegions(_ observation: Observation) -> [Alert] {
        func isBoth(_ region: ObservedRegion) -> Bool {
            region.region.permissions.isSuperset(of: [.write, .execute])
        }
        let born = observation.born.filter(isBoth)
        writableExecutableRegions += born.count - observation.died.count(where: isBoth)
        writableExecutableRegions = max(0, writableExecutableRegions)
        guard !born.isEmpty || writableExecutable.isFired else { return [] }
        let reading: AlertState.Reading = writableExecutableRegions > 0 ? .met : .over
        guard let change = writableExecutable.take(reading, at: observation.time, span: 0) else { return [] }
        let region = born.first
        return [
            Alert(
                type: .writableExecutable, change: change, kind: region?.region.kind,
                size: region?.region.size,
                region: region)
        ]
    }
}

extension ThresholdRule {
    var isByGrowth: Bool { if case .grows = condition { true } else { false } }
}
