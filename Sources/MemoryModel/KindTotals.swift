/// Bytes of address space by kind. The sum is the process's VmSize.
package struct KindTotals: Hashable, Sendable {
    private var bytes: InlineArray<17, UInt64>

    package init() { bytes = InlineArray(repeating: 0) }

    /// Adds up regions, leaving out `[vsyscall]`, which VmSize does not count.
    ///
    /// Takes an array and not any sequence: across modules only this is compiled to a plain loop, and it
    /// runs over every region of every look (5.9 % of a first look otherwise).
    package init(of regions: [Region]) {
        self.init()
        for region in regions where !region.isOutsideVmSize {
            bytes[Int(region.kind.rawValue)] &+= region.size
        }
    }

    package subscript(kind: RegionKind) -> UInt64 {
        get { bytes[Int(kind.rawValue)] }
        set { bytes[Int(kind.rawValue)] = newValue }
    }

    /// The sum over all kinds, saturating: nothing a process claims may trap us.
    package var total: UInt64 {
        var sum: UInt64 = 0
        for index in bytes.indices {
            let (next, overflow) = sum.addingReportingOverflow(bytes[index])
            sum = overflow ? .max : next
        }
        return sum
    }

    package static func == (a: KindTotals, b: KindTotals) -> Bool {
        for index in a.bytes.indices where a.bytes[index] != b.bytes[index] { return false }
        return true
    }

    package func hash(into hasher: inout Hasher) {
        for index in bytes.indices { hasher.combine(bytes[index]) }
    }
}
