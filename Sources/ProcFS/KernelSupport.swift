import CLinux
import Glibc
import MemoryModel

/// What this kernel offers to who looks at processes, found out by trying.
package struct KernelSupport: Hashable, Sendable {
    /// `uname -r`.
    package var release: String
    /// `PROCMAP_QUERY` (Linux 6.11); nil where it could not be tried.
    package var hasProcmapQuery: Bool?
    /// `PAGEMAP_SCAN` (Linux 6.7); nil where it could not be tried.
    package var hasPagemapScan: Bool?
    /// Whether pidfds have inode numbers of their own (Linux 6.9), which no two processes share.
    package var hasPidfdInodes: Bool
    /// Whether maps is read under locks of single areas (Linux 6.17), by the release; nil where that is no number.
    package var readsMapsConcurrently: Bool?

    package static func probe() -> KernelSupport {
        let release = ProcRoot().kernelRelease() ?? "unknown"
        let own = try? ProcRoot().open(pid: getpid())
        return KernelSupport(
            release: release, hasProcmapQuery: own.map { $0.areas(overlapping: [0..<(1 << 40)]) != nil },
            hasPagemapScan: pagemapScan(),
            hasPidfdInodes: (try? own?.identity())?.pidfdInode != nil,
            readsMapsConcurrently: version(release).map { $0 >= (6, 17) })
    }

    /// Asks about one page of our own.
    private static func pagemapScan() -> Bool? {
        guard let pagemap = try? openBelow(AT_FDCWD, "/proc/self/pagemap") else { return nil }
        guard KernelFeature.pagemapScan.isAllowed else { return false }
        var scan = clinux_pagemap_scan()
        var region = clinux_page_region()
        return withUnsafeMutablePointer(to: &region) { region in
            scan.end = pageBytes
            scan.vec = UInt64(UInt(bitPattern: region))
            scan.vec_len = 1
            scan.category_mask = UInt64(CLINUX_PAGE_IS_PRESENT)
            scan.return_mask = UInt64(CLINUX_PAGE_IS_PRESENT)
            return clinux_pagemap_scan(pagemap.rawValue, &scan) >= 0
        }
    }

    /// `6.18.44-fc` is (6, 18).
    static func version(_ release: String) -> (Int, Int)? {
        let parts = release.split(separator: ".", maxSplits: 2)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix { $0.isNumber })
        else {
            return nil
        }
        return (major, minor)
    }
}

extension ProcRoot {
    /// `/proc/sys/kernel/osrelease`.
    package func kernelRelease() -> String? {
        contents("sys/kernel/osrelease").map {
            String(decoding: $0.prefix { $0 > UInt8(ascii: " ") }, as: UTF8.self)
        }
    }
}
