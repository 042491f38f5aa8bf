import MemoryModel
import MemwatchInterface
import Varlink

/// How much is left before the kernel says no.
enum HeadroomFindings {
    static func of(_ process: ExplainedProcess) -> [Finding] {
        [stack(process), regions(process), memory(process)].compactMap(\.self)
    }

    private static func stack(_ process: ExplainedProcess) -> Finding? {
        guard let sample = process.samples.last?.sample, let limit = sample.stackLimitBytes, limit > 0,
            limit != .max, let size = sample.kinds?[.stack], size > 0
        else { return nil }
        return headroom(
            .stackHeadroom, .stack, used: size, limit: limit,
            "The stack has \(BinarySize.text(size)) of the \(BinarySize.text(limit)) that it may have")
    }

    private static func regions(_ process: ExplainedProcess) -> Finding? {
        guard let count = process.samples.last?.sample.regionCount.map({ UInt64($0) }),
            let limit = process.limits.maxMapCount, limit > 0
        else { return nil }
        return headroom(
            .regionHeadroom, nil, used: count, limit: limit,
            "It has \(Quantity.count(count)) regions of the \(Quantity.count(limit)) areas that vm.max_map_count allows"
        )
    }

    private static func memory(_ process: ExplainedProcess) -> Finding? {
        guard let limit = process.limits.memoryLimit, let used = process.limits.memoryUsed, limit > 0 else {
            return nil
        }
        return headroom(
            .memoryHeadroom, nil, used: used, limit: limit,
            "Its control group has \(BinarySize.text(used)) of the \(BinarySize.text(limit)) that it may have"
        )
    }

    /// From four fifths on it is close.
    private static func headroom(
        _ subject: Finding.Subject, _ kind: RegionKind?, used: UInt64, limit: UInt64, _ sentence: String
    ) -> Finding {
        let isClose = used >= limit / 5 * 4
        return Finding(
            subject, kind,
            "\(sentence) (\(Quantity.share(used, of: limit)))\(isClose ? ": that is close" : "").",
            ["used": .bytes(used), "limit": .bytes(limit), "close": .bool(isClose)])
    }
}
