import Glibc

/// What newer kernels have and older ones lack, where there is another way.
///
/// `MEMWATCH_WITHOUT=procmap-query,pagemap-scan` makes this program behave as on a kernel that lacks them, so
/// that the other way can be tested on any kernel. Read once; not meant for users.
package enum KernelFeature: String, CaseIterable, Sendable {
    /// `PROCMAP_QUERY` on `/proc/[pid]/maps` (Linux 6.11). Without it every question is a whole look.
    case procmapQuery = "procmap-query"
    /// `PAGEMAP_SCAN` on `/proc/[pid]/pagemap` (Linux 6.7). Without it eight bytes are read for each page.
    case pagemapScan = "pagemap-scan"

    /// Whether this program may try to use it; whether the kernel has it shows at the first try.
    package var isAllowed: Bool { !Self.withheld.contains(self) }

    private static let withheld = named(in: getenv("MEMWATCH_WITHOUT").map { String(cString: $0) } ?? "")

    /// The features in a list with commas. What is no feature's name is ignored.
    static func named(in list: String) -> Set<KernelFeature> {
        Set(list.split(separator: ",").compactMap { KernelFeature(rawValue: String($0)) })
    }
}
