package import MemoryModel

/// Signed bytes by kind: by how much one state of an address space differs from another.
package struct KindDeltas: Hashable, Sendable {
    private var bytes = zeros

    /// One for all: each target keeps two of these, and for most they stay as they are.
    private static let zeros: [Int64] = Array(repeating: 0, count: RegionKind.count)

    package init() {}

    package init(from before: KindTotals, to after: KindTotals) {
        for kind in RegionKind.allCases {
            // Both are sums of region sizes; a map that claims 2⁶³ bytes of a kind is not one of this earth,
            // but shall not trap.
            self[kind] = Int64(truncatingIfNeeded: after[kind] &- before[kind])
        }
    }

    package subscript(kind: RegionKind) -> Int64 {
        get { bytes[Int(kind.rawValue)] }
        set { bytes[Int(kind.rawValue)] = newValue }
    }

    /// The sum over all kinds, by how much VmSize differs; saturating.
    package var total: Int64 { bytes.reduce(0) { $0.addingSaturating($1) } }

    package var isZero: Bool { bytes.allSatisfy { $0 == 0 } }
}
