/// How a target is watched.
package struct TargetOptions: Hashable, Sendable {
    /// Between looks; clamped to ``intervalRange``.
    package var intervalMicroseconds: Int64
    package var rule: String?
    package var followsChildren: Bool

    /// 100 ms to 1 h.
    package static let intervalRange: ClosedRange<Int64> = 100_000...3_600_000_000

    package init(intervalMicroseconds: Int64, rule: String? = nil, followsChildren: Bool = false) {
        self.intervalMicroseconds = min(
            max(intervalMicroseconds, Self.intervalRange.lowerBound), Self.intervalRange.upperBound)
        self.rule = rule
        self.followsChildren = followsChildren
    }
}
