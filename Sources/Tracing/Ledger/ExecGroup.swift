import KernelEvents
import MemoryModel

/// What the kernel maps for a new program before the program runs: the stack, the segments of the
/// executable and of its loader, bss, and last the vdso with its data. It all is the exec.
struct ExecGroup: Sendable {
    let nanoseconds: Int64
    let tid: Int32
    let comm: [UInt8]
    /// nil where the memory before was not known.
    let before: KindTotals?
    /// Outer nil: the kernel reported it. Else since when it may have happened, as far as that is known.
    let notBefore: Int64??
    /// The program's own segments and the bss behind them; its file is the first that exec maps.
    private(set) var program: (inode: UInt64, device: DeviceNumber, end: UInt64)?
    private var hasKernelAreas = false
    private var count = 0

    /// An executable of more segments than this is no reason to wait longer.
    static let limit = 128

    init(_ record: KernelRecord, comm: [UInt8], before: KindTotals?, notBefore: Int64?? = nil) {
        nanoseconds = record.nanoseconds
        tid = record.tid
        self.comm = comm
        self.before = before
        self.notBefore = notBefore
    }

    /// The special mappings come last (`arch_setup_additional_pages` in fs/binfmt_elf.c); how many there are
    /// and in which order varies with the kernel. Whatever follows them is the program's own doing. A kernel
    /// without vdso (`vdso=0`) shows the end by the first thing that exec never maps.
    func takes(_ mapping: MappingRecord) -> Bool {
        if case .kernel = mapping.name { return true }
        if hasKernelAreas || count >= Self.limit || mapping.permissions.contains(.shared) { return false }
        return mapping.name != .heap
    }

    mutating func took(_ mapping: MappingRecord) {
        count &+= 1
        switch mapping.name {
        case .kernel: hasKernelAreas = true
        case .file:
            let known = program ?? (mapping.inode, mapping.device, mapping.end)
            if known.inode == mapping.inode, known.device == mapping.device {
                program = (known.inode, known.device, max(known.end, mapping.end))
            }
        case .anonymous:
            if let known = program, known.end == mapping.start { program?.end = mapping.end }
        case .heap, .stack: break
        }
    }
}

extension Ledger {
    /// One event for the exec and one for each kind by which the memory differs now.
    mutating func finishExec() -> [LedgerEvent] {
        guard let group else { return [] }
        self.group = nil
        programEnd = group.program?.end
        isKnown = true
        hasToldExec = true
        let source: EventSource = group.notBefore == nil ? .perf : .sample
        func event() -> LedgerEvent {
            var event = LedgerEvent(
                .exec, nanoseconds: group.nanoseconds, source: source, tid: group.tid == 0 ? nil : group.tid)
            if let notBefore = group.notBefore { event.notBefore = notBefore }
            return event
        }
        var whole = event()
        whole.sizeAfter = totals.total
        whole.comm = group.comm.isEmpty ? nil : group.comm
        guard let before = group.before else { return [whole] }
        let deltas = KindDeltas(from: before, to: totals)
        return [whole]
            + RegionKind.allCases.filter { deltas[$0] != 0 }.map { kind in
                var part = event()
                part.kind = kind
                part.delta = deltas[kind]
                part.sizeAfter = totals[kind]
                return part
            }
    }
}
