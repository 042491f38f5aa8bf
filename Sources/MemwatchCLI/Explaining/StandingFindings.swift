import MemoryModel
import MemwatchInterface
import Varlink

/// What the map of this moment tells: memory that was asked for and is not used, and addresses without memory.
enum StandingFindings {
    static func of(_ process: ExplainedProcess) -> [Finding] {
        guard let regions = process.regions else { return [] }
        let parts = Dictionary(grouping: regions.filter { !$0.isOutsideVmSize }, by: \.kind)
        return [
            heap(Part(parts[.heap])), arenas(Part(parts[.arena]), Part(parts[.reserved]), process),
            threadStacks(Part(parts[.threadStack])),
            reserved(Part(parts[.reserved])),
        ].compactMap(\.self)
    }

    /// The regions of one kind, summed up.
    private struct Part {
        var regions = 0
        var size: UInt64 = 0
        /// nil where it is not known of each of them.
        var resident: UInt64? = 0

        init(_ regions: [RegionRecord]?) {
            for region in regions ?? [] {
                self.regions += 1
                size &+= region.size
                if let known = region.resident {
                    resident = resident.map { $0 &+ known }
                } else {
                    resident = nil
                }
            }
        }

        var figures: JSONObject {
            [
                "regions": .integer(Int64(regions)), "size": .bytes(size),
                "resident": resident.map { .bytes($0) } ?? .null,
            ]
        }
    }

    /// The break moves down only from its top: one block in use there keeps all that was freed below it.
    private static func heap(_ heap: Part) -> Finding? {
        guard heap.size >= 4 << 20, let resident = heap.resident, resident < heap.size / 2 else { return nil }
        return Finding(
            .heapResidency, .heap,
            "Of the heap's \(BinarySize.text(heap.size)) only \(BinarySize.text(resident)) "
                + "(\(Quantity.share(resident, of: heap.size))) is in memory: the rest was given back to the kernel "
                + "below a block that is still used, or never touched. It costs addresses, not memory.",
            heap.figures)
    }

    private static func arenas(_ arenas: Part, _ reserved: Part, _ process: ExplainedProcess) -> Finding? {
        guard arenas.regions >= 2 else { return nil }
        var figures = arenas.figures
        let threads = process.samples.last?.sample.threads
        figures["threads"] = threads.map { .integer(Int64($0)) } ?? .null
        let owners = threads.map { " for \(Quantity.count($0)) threads" } ?? ""
        let used = arenas.resident.map { ", \(BinarySize.text($0)) of it in memory" } ?? ""
        return Finding(
            .arenas, .arena,
            "malloc has \(arenas.regions) arenas beside the heap\(owners), with \(BinarySize.text(arenas.size)) in "
                + "use\(used); each may grow to 64 MiB. MALLOC_ARENA_MAX bounds how many there are.", figures)
    }

    private static func threadStacks(_ stacks: Part) -> Finding? {
        guard stacks.regions > 0, let resident = stacks.resident else { return nil }
        let (count, verb) =
            stacks.regions == 1
            ? ("One thread's stack", "has") : ("\(stacks.regions) threads' stacks", "have")
        return Finding(
            .threadStacks, .threadStack,
            "\(count) \(verb) \(BinarySize.text(stacks.size)) of addresses, of which \(BinarySize.text(resident)) was ever "
                + "touched.", stacks.figures)
    }

    private static func reserved(_ reserved: Part) -> Finding? {
        guard reserved.size >= 64 << 20 else { return nil }
        return Finding(
            .reserved, .reserved,
            "\(BinarySize.text(reserved.size)) is reserved and cannot be touched: virtual, not resident, and harmless.",
            reserved.figures)
    }
}
