import Classification
import Inspection
import MemoryModel

@testable import ProcFS

/// Areas of any shape: put in order, classified and packed, they must still be the same bytes of address space.
enum AreasTarget {
    static func check(_ look: MapsLook, choice: UInt64) throws(Violation) {
        var repaired = look
        repaired.repair()
        try mustHold(isAscending(repaired.areas.map { $0.start..<$0.end }), "repaired areas overlap")
        let covered = repaired.areas.reduce(0) { $0 + $1.size }
        try check(
            look.areas, look.paths, evidence(of: look.areas, choice), images: [:], mustCover: covered)
    }

    /// - Parameter bytes: What the regions must add up to.
    static func check(
        _ areas: [VMA], _ paths: PathTable, _ evidence: ProcessEvidence, images: ImageTable<ImageLayout>,
        mustCover bytes: UInt64
    ) throws(Violation) {
        var regions: [Region] = []
        Classifier().classify(
            areas: areas, paths: paths, evidence: evidence, images: images, into: &regions)
        for region in regions {
            try mustHold(region.start < region.end, "an empty region at \(region.start)")
        }
        try mustHold(isAscending(regions.map { $0.start..<$0.end }), "regions overlap")
        let sum = regions.reduce(0) { $0 &+ $1.size }
        try mustHold(sum == bytes, "regions of \(sum) bytes for areas of \(bytes)")
        try mustHold(PackedMap(regions).regions == regions, "packed regions are others")
        // What the last look found is an input of the next.
        var again: [Region] = []
        Classifier().classify(
            areas: areas, paths: paths, evidence: evidence, images: images, previous: regions, into: &again)
        try mustHold(again.reduce(0) { $0 &+ $1.size } == bytes, "other bytes the second time")
    }

    private static func isAscending(_ ranges: [Range<UInt64>]) -> Bool {
        var end: UInt64 = 0
        for range in ranges {
            if range.lowerBound < end { return false }
            end = range.upperBound
        }
        return true
    }

    /// What else is known of the process: places in and around its areas.
    private static func evidence(of areas: [VMA], _ choice: UInt64) -> ProcessEvidence {
        var evidence = ProcessEvidence()
        guard !areas.isEmpty else { return evidence }
        func address(_ shift: UInt64) -> UInt64 {
            let bits = choice >> shift
            let area = areas[Int(bits % UInt64(areas.count))]
            return [area.start, area.start &+ 4096, area.end, area.end &- 8][Int(bits >> 8 & 3)]
        }
        if choice & 1 == 0 { evidence.startBrk = address(3) }
        if choice & 2 == 0 { evidence.startStack = address(13) }
        for tid in 1...Int32(1 + choice >> 4 & 3) {
            let isRunning = choice >> UInt64(tid) & 1 == 0
            evidence.threads.append(
                ThreadEvidence(
                    tid: tid, stackPointer: isRunning ? nil : address(23 + 5 * UInt64(tid)),
                    isMain: tid == 1))
        }
        if choice & 4 == 0 { evidence.threadCount = evidence.threads.count }
        return evidence
    }
}
