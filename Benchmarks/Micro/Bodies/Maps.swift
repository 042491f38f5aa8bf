import MemoryModel

/// Maps of regions, as classification gives them.
enum Maps {
    static func regions(_ count: Int) -> [Region] {
        (0..<count).map { index in
            let start = 0x7f10_0000_0000 + UInt64(index) << 20
            let kinds: [RegionKind] = [.anon, .text, .file, .arena, .threadStack]
            let area = VMA(
                start: start, end: start + UInt64(index % 50 + 1) << 12, permissions: [.read, .write],
                inode: index % 3 == 0 ? UInt64(index) : 0)
            return Region(area, kind: kinds[index % kinds.count])
        }
    }

    /// Every tenth region has gone, grown, changed its permissions, or a new one stands behind it.
    static func changed(_ regions: [Region]) -> [Region] {
        var result: [Region] = []
        for (index, region) in regions.enumerated() {
            var region = region
            guard index % 10 == 5 else {
                result.append(region)
                continue
            }
            switch index / 10 % 4 {
            case 0: continue
            case 1: region.end += 4096
            case 2: region.permissions = [.read]
            default:
                let behind = VMA(
                    start: region.end + 8192, end: region.end + 16384, permissions: [.read, .write])
                result.append(region)
                region = Region(behind, kind: .anon)
            }
            result.append(region)
        }
        return result
    }
}
