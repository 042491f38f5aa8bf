import Analysis
import MemoryModel
import MemwatchInterface
import Varlink

/// What grew, how, and by which of the ways that a program gets memory.
struct GrowthFindings {
    private(set) var findings: [Finding] = []
    private(set) var verdict: Explanation.Verdict

    private let process: ExplainedProcess
    /// Of every kind that was ever seen: judged once, because each judgement sorts the slopes of all pairs of looks.
    private let growths: [RegionKind: Growth]
    /// The kinds that did something, the one that grew most first.
    private let grown: [(kind: RegionKind, growth: Growth)]

    /// So many kinds are spoken of one by one.
    private static let limit = 5

    init(_ process: ExplainedProcess) {
        self.process = process
        var growths: [RegionKind: Growth] = [:]
        for kind in RegionKind.allCases { growths[kind] = process.growth(of: kind) }
        self.growths = growths
        grown = growths.filter { $0.value.shape != .flat }
            .sorted { ($0.value.net, $1.key.rawValue) > ($1.value.net, $0.key.rawValue) }
            .map { (kind: $0.key, growth: $0.value) }
        verdict = .noGrowth
        verdict = judged()
        findings.append(total())
        findings += grown.prefix(Self.limit).map { finding($0.kind, $0.growth) }
        if let churn = churn() { findings.append(churn) }
    }

    private func judged() -> Explanation.Verdict {
        let shapes = Set(grown.map(\.growth.shape))
        if grown.contains(where: { Self.isLeak($0.kind, $0.growth) && $0.growth.confidence != .low }) {
            return .leakSuspected
        }
        if shapes.contains(.growing) || shapes.contains(.risingFloor) { return .growing }
        if shapes.contains(.unclear) { return .unclear }
        if shapes.contains(.filled) { return .filled }
        if shapes.contains(.sawtooth) { return .comesAndGoes }
        return shapes.contains(.shrunk) ? .shrunk : .noGrowth
    }

    // MARK: All of it

    private func total() -> Finding {
        let span = "In the last \(Quantity.span(process.span))"
        guard let all = process.growthOfVmSize else {
            return Finding(.total, nil, "Nothing is known of its sizes in this time.", [:])
        }
        let first = process.samples.first?.sample
        let last = process.samples.last?.sample
        var figures: JSONObject = [
            "vm_size_before": .bytes(all.first), "vm_size_after": .bytes(all.last),
            "seconds": .number(all.span),
        ]
        figures["rss_before"] = first?.rssBytes.map { .bytes($0) } ?? .null
        figures["rss_after"] = last?.rssBytes.map { .bytes($0) } ?? .null
        for origin in RegionOrigin.allCases {
            figures["\(origin.rawValue)_delta"] = .integer(net(of: origin))
        }
        let memory = last?.rssBytes.map { ", of which \(BinarySize.text($0)) is in memory" } ?? ""
        if verdict == .noGrowth {
            return Finding(
                .total, nil,
                "\(span) no kind of memory grew: it has \(BinarySize.text(all.last)) of addresses\(memory).",
                figures)
        }
        let direction = all.net < 0 ? "shrank" : "grew"
        var sentence =
            "\(span) the address space \(direction) by \(BinarySize.text(all.net.magnitude)), to "
            + "\(BinarySize.text(all.last))\(memory)."
        if all.net == 0 {
            sentence = "\(span) the address space came back to \(BinarySize.text(all.last))\(memory)."
        }
        return Finding(.total, nil, sentence + waysSentence, figures)
    }

    /// ` By brk: +64.0 MiB; by mmap: +16.0 MiB.`
    private var waysSentence: String {
        let ways = RegionOrigin.allCases.map { (origin: $0, net: net(of: $0)) }.filter { $0.net != 0 }
            .sorted { $0.net > $1.net }
        if ways.isEmpty { return "" }
        let parts = ways.map { way in
            "by \(Self.way(way.origin)) \(BinarySize.text(change: way.net))"
        }
        return " " + capitalized(parts.joined(separator: ", ")) + "."
    }

    private func net(of origin: RegionOrigin) -> Int64 {
        var sum: Int64 = 0
        for kind in RegionKind.allCases where kind.origin == origin {
            sum = sum.addingReportingOverflow(growths[kind]?.net ?? 0).partialValue
        }
        return sum
    }

    private static func way(_ origin: RegionOrigin) -> String {
        switch origin {
        case .image: "its image (programs and libraries)"
        case .brk: "moving the program break (brk, where malloc takes small blocks from)"
        case .stack: "its stack"
        case .mmap: "mmap (where malloc takes large blocks from)"
        case .kernel: "the kernel"
        }
    }

    // MARK: One kind

    /// A stack that grows is no memory that somebody forgot to free.
    private static func isLeak(_ kind: RegionKind, _ growth: Growth) -> Bool {
        kind != .stack && growth.isLeakSuspected
    }

    private func finding(_ kind: RegionKind, _ growth: Growth) -> Finding {
        let isStack = kind == .stack
        let name = isStack ? "the stack" : "\(kind.name) (\(kind.origin.rawValue))"
        var figures: JSONObject = [
            "shape": .string(growth.shape.rawValue), "before": .bytes(growth.first),
            "after": .bytes(growth.last),
            "minimum": .bytes(growth.minimum), "maximum": .bytes(growth.maximum),
            "risen": .bytes(growth.risen),
            "fallen": .bytes(growth.fallen), "steps_up": .integer(Int64(growth.steps)),
        ]
        figures["bytes_per_second"] = growth.slope.map { .number($0.bytesPerSecond) } ?? .null
        figures["bytes_per_second_low"] = growth.slope.map { .number($0.low) } ?? .null
        figures["bytes_per_second_high"] = growth.slope.map { .number($0.high) } ?? .null
        figures["leak_suspected"] = .bool(Self.isLeak(kind, growth))
        figures["confidence"] = growth.confidence.map { .string($0.rawValue) } ?? .null
        var sentence = sentence(name, growth)
        if Self.isLeak(kind, growth) { sentence += suspicion(growth, &figures) }
        if isStack {
            sentence = capitalized(sentence)
            if growth.isLeakSuspected { sentence += depth(growth, &figures) }
        }
        return Finding(.growth, kind, sentence, figures)
    }

    private func depth(_ growth: Growth, _ figures: inout JSONObject) -> String {
        let text = " Calls go deeper and deeper, as a recursion that does not end."
        guard let limit = process.samples.last?.sample.stackLimitBytes, limit != .max, limit > growth.last,
            let seconds = growth.seconds(untilGrownBy: limit - growth.last)
        else { return text }
        figures["seconds_to_stack_limit"] = .number(seconds.rounded())
        return text
            + " At this rate it reaches its limit of \(BinarySize.text(limit)) in \(Quantity.span(seconds)), "
            + "and the program ends of SIGSEGV."
    }

    private func sentence(_ name: String, _ growth: Growth) -> String {
        let change = BinarySize.text(growth.net.magnitude)
        let times = growth.steps == 1 ? "in one step" : "in \(Quantity.count(growth.steps)) steps"
        switch growth.shape {
        case .flat: return "\(name) did not change."
        case .growing:
            let rate = growth.slope.map {
                " at \(Quantity.rate($0.bytesPerSecond, from: $0.low, to: $0.high))"
            }
            return "\(name) grows\(rate ?? ""): by \(change) \(times), of which it gave back "
                + "\(growth.fallen == 0 ? "nothing" : BinarySize.text(growth.fallen))."
        case .risingFloor:
            return "\(name) comes and goes between \(BinarySize.text(growth.minimum)) and "
                + "\(BinarySize.text(growth.maximum)), and each time leaves more behind: \(change) so far."
        case .filled:
            let ago = growth.grewUntil.map { growth.span - $0 } ?? 0
            return "\(name) rose by \(change) \(times), and has stayed at "
                + "\(BinarySize.text(growth.last)) for \(Quantity.span(ago)): as a cache does that is full."
        case .sawtooth:
            return "\(name) comes and goes between \(BinarySize.text(growth.minimum)) and "
                + "\(BinarySize.text(growth.maximum)) (+\(BinarySize.text(growth.risen)), "
                + "-\(BinarySize.text(growth.fallen))), and comes back to where it was: no leak."
        case .shrunk: return "\(name) shrank by \(change), to \(BinarySize.text(growth.last))."
        case .unclear:
            return "\(name) changed by \(BinarySize.text(change: growth.net)), in too few looks to say how: "
                + "ask again later."
        }
    }

    private func suspicion(_ growth: Growth, _ figures: inout JSONObject) -> String {
        let confidence = growth.confidence.map { ", with \($0.rawValue) confidence" } ?? ""
        var text = " A leak is suspected\(confidence); a cache that is not full yet looks the same."
        if let limit = process.limits.memoryLimit, let used = process.limits.memoryUsed, limit > used,
            let seconds = growth.seconds(untilGrownBy: limit - used)
        {
            figures["seconds_to_memory_limit"] = .number(seconds.rounded())
            text +=
                " At this rate it reaches its control group's \(BinarySize.text(limit)) in "
                + "\(Quantity.span(seconds)), if all of it is touched."
        }
        return text
    }

    // MARK: What did not stay

    /// Mappings that come and go are no growth, and cost the process page faults.
    private func churn() -> Finding? {
        let traffic = process.traffic
        let stayed = Int64(clamping: traffic.mapped) &- Int64(clamping: traffic.unmapped)
        guard traffic.mappings >= 20, traffic.unmappings >= 20, process.span > 0,
            UInt64(clamping: stayed.magnitude) < traffic.mapped / 4
        else { return nil }
        let rate = Double(traffic.mapped) / process.span
        let figures: JSONObject = [
            "mmap_calls": .bytes(traffic.mappings), "mmap_bytes": .bytes(traffic.mapped),
            "munmap_calls": .bytes(traffic.unmappings), "munmap_bytes": .bytes(traffic.unmapped),
            "bytes_per_second": .number(rate), "partial": .bool(traffic.isPartial),
        ]
        return Finding(
            .churn, nil,
            "Mappings come and go: \(Quantity.count(traffic.mappings)) of \(BinarySize.text(traffic.mapped)) came and "
                + "\(Quantity.count(traffic.unmappings)) of \(BinarySize.text(traffic.unmapped)) went "
                + "(\(Quantity.rate(rate))): short-lived memory, whose pages are faulted in anew each time.",
            figures)
    }

    private func capitalized(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
