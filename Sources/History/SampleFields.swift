import MemoryModel

/// The fields of a sample as the history stores them: 29 integers, in this order.
///
/// The numbers are part of the file format and never change. Sums are stored as what is
/// left over when their parts are taken away, so that a growing heap changes one field
/// (`heap`) and not four (`heap`, VmSize, the break).
enum SampleField {
    /// 0…16 are the kinds by raw value.
    static let vmRest = 17
    static let rssRest = 18
    static let rssAnon = 19
    static let rssFile = 20
    static let rssShmem = 21
    static let swap = 22
    static let pageTables = 23
    static let threads = 24
    static let regions = 25
    static let breakRest = 26
    static let stackLimit = 27
    static let consistent = 28
    static let count = 29

    /// Column names in `sample_base`, by field number.
    static let columns: [String] =
        RegionKind.allCases.map { $0.name.replacing("-", with: "_") }
        + [
            "vm_rest", "rss_rest", "rss_anon", "rss_file", "rss_shmem", "swap", "page_tables", "threads",
            "regions", "break_rest", "stack_limit", "consistent",
        ]
}

/// A sample as 29 integers with a unit.
///
/// Sizes are counted in pages of 4 KiB where all of them are whole pages (always, on real
/// kernels), else in bytes: a size is stored exactly or not at all.
struct SampleFields: Equatable {
    var values: InlineArray<29, Int64> = InlineArray(repeating: 0)
    /// Bit i: field i is known.
    var present: UInt32 = 0
    /// 4096 or 1.
    var unit: Int64 = 4096

    init() {}

    subscript(field: Int) -> Int64? {
        get { present & (1 << UInt32(field)) != 0 ? values[field] : nil }
        set {
            values[field] = newValue ?? 0
            if newValue != nil {
                present |= 1 << UInt32(field)
            } else {
                present &= ~(1 << UInt32(field))
            }
        }
    }

    static func == (a: SampleFields, b: SampleFields) -> Bool {
        guard a.present == b.present, a.unit == b.unit else { return false }
        for field in 0..<SampleField.count where a.values[field] != b.values[field] { return false }
        return true
    }

    init(_ sample: Sample) {
        let sizes: [UInt64?] = [
            sample.vmSizeBytes, sample.rssBytes, sample.rssAnonBytes, sample.rssFileBytes,
            sample.rssShmemBytes, sample.swapBytes, sample.pageTablesBytes, sample.programBreak,
        ]
        var odd = sizes.contains { ($0 ?? 0) & 4095 != 0 }
        if let kinds = sample.kinds {
            for kind in RegionKind.allCases where kinds[kind] & 4095 != 0 { odd = true }
        }
        if let limit = sample.stackLimitBytes, limit != .max, limit & 4095 != 0 { odd = true }
        unit = odd ? 1 : 4096

        var total: UInt64 = 0
        var heap: UInt64 = 0
        if let kinds = sample.kinds {
            for kind in RegionKind.allCases {
                self[Int(kind.rawValue)] = scaled(kinds[kind])
                total &+= kinds[kind]
            }
            heap = kinds[.heap]
        }
        let parts = (sample.rssAnonBytes ?? 0) &+ (sample.rssFileBytes ?? 0) &+ (sample.rssShmemBytes ?? 0)
        self[SampleField.vmRest] = sample.vmSizeBytes.map { difference($0, total) }
        self[SampleField.rssRest] = sample.rssBytes.map { difference($0, parts) }
        self[SampleField.rssAnon] = sample.rssAnonBytes.map(scaled)
        self[SampleField.rssFile] = sample.rssFileBytes.map(scaled)
        self[SampleField.rssShmem] = sample.rssShmemBytes.map(scaled)
        self[SampleField.swap] = sample.swapBytes.map(scaled)
        self[SampleField.pageTables] = sample.pageTablesBytes.map(scaled)
        self[SampleField.threads] = sample.threads.map(Int64.init)
        self[SampleField.regions] = sample.regionCount.map(Int64.init)
        self[SampleField.breakRest] = sample.programBreak.map { difference($0, heap) }
        // RLIM_INFINITY is all ones; it is -1 in either unit.
        self[SampleField.stackLimit] = sample.stackLimitBytes.map { $0 == .max ? -1 : scaled($0) }
        self[SampleField.consistent] = sample.isConsistent ? 1 : 0
    }

    /// The sample back. Values no writer of ours stores become what their bits say; nothing traps.
    func sample(time: Timestamp, pid: Int32) -> Sample {
        var sample = Sample(time: time, pid: pid)
        var total: UInt64 = 0
        var heap: UInt64 = 0
        if present & 0x1ffff == 0x1ffff {
            var kinds = KindTotals()
            for kind in RegionKind.allCases {
                let bytes = unscaled(values[Int(kind.rawValue)])
                kinds[kind] = bytes
                total &+= bytes
            }
            heap = kinds[.heap]
            sample.kinds = kinds
        }
        sample.rssAnonBytes = self[SampleField.rssAnon].map(unscaled)
        sample.rssFileBytes = self[SampleField.rssFile].map(unscaled)
        sample.rssShmemBytes = self[SampleField.rssShmem].map(unscaled)
        let parts = (sample.rssAnonBytes ?? 0) &+ (sample.rssFileBytes ?? 0) &+ (sample.rssShmemBytes ?? 0)
        sample.vmSizeBytes = self[SampleField.vmRest].map { unscaled($0) &+ total }
        sample.rssBytes = self[SampleField.rssRest].map { unscaled($0) &+ parts }
        sample.swapBytes = self[SampleField.swap].map(unscaled)
        sample.pageTablesBytes = self[SampleField.pageTables].map(unscaled)
        sample.threads = self[SampleField.threads].map { UInt32(truncatingIfNeeded: $0) }
        sample.regionCount = self[SampleField.regions].map { UInt32(truncatingIfNeeded: $0) }
        sample.programBreak = self[SampleField.breakRest].map { unscaled($0) &+ heap }
        sample.stackLimitBytes = self[SampleField.stackLimit].map { $0 == -1 ? .max : unscaled($0) }
        sample.isConsistent = self[SampleField.consistent] == 1
        return sample
    }

    private func scaled(_ bytes: UInt64) -> Int64 {
        unit == 4096 ? Int64(truncatingIfNeeded: bytes >> 12) : Int64(bitPattern: bytes)
    }

    private func unscaled(_ value: Int64) -> UInt64 { UInt64(bitPattern: value &* unit) }

    /// Whole pages differ by whole pages, modulo 2⁶⁴ too.
    private func difference(_ a: UInt64, _ b: UInt64) -> Int64 { Int64(bitPattern: a &- b) / unit }
}
