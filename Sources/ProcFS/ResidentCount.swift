import CLinux
import Glibc
import MemoryModel
import Synchronization

/// Counts how much of some ranges of a process is in memory, a slice at a time.
///
/// By `PAGEMAP_SCAN` on `/proc/[pid]/pagemap` (Linux 6.7), opened once; where the kernel has none, by reading its
/// eight bytes for each page (``PagemapEntries``). Never smaps, which stalls the process.
///
/// Either walks page tables with the process's memory locked against changes (4 GB resident in one call: 31 ms of
/// stall), so it goes in slices of less than half a millisecond, and asks for rests that keep it to a fiftieth of
/// the process's time, whatever its size: about 1.5 s for 4 GB. It does not rest itself, so that who has many
/// clients need not keep a thread asleep for each.
///
/// A process that maps while it is counted waits for each slice to end, and is woken up then, which costs it some
/// 50 µs more: 4 GB in slices of 4096 pages cost a process that maps without a pause 48 ms, in slices of 16,384
/// pages 34 ms, and hardly less in one go (31 ms). Slices of half a millisecond are none of its longest waits.
package final class ResidentCount: Sendable {
    private let pagemap: OwnedDescriptor
    private let state: Mutex<State>

    private struct State {
        /// nil where the kernel does not know the call, or it is not to be used: then by entries.
        var scan: PagemapScan?
        var entries: PagemapEntries?
        /// So many pages at most in the next slice: 20 to 30 ns each here, more where memory is far away.
        var pages = 4096
    }

    /// - Parameter scanning: by `PAGEMAP_SCAN`, if the kernel has it.
    init(pagemap: consuming OwnedDescriptor, ranges: [Range<UInt64>], scanning: Bool) {
        self.pagemap = pagemap
        state = Mutex(
            scanning ? State(scan: PagemapScan(ranges)) : State(entries: PagemapEntries(ranges)))
    }

    /// Bytes in memory of each range.
    ///
    /// nil for what is not counted yet, for addresses of the kernel, and, without `PAGEMAP_SCAN`, for what lies
    /// behind the first 64 GiB.
    package var bytes: [UInt64?] { state.withLock { $0.scan?.sums ?? $0.entries?.sums ?? [] } }

    /// Counts for a tenth of a millisecond at least, unless it is through before.
    ///
    /// - Returns: how long to leave the process alone before the next time; nil at the end.
    package func advance() -> Duration? {
        state.withLock { state in
            // How long a slice waited for the process is nothing that the process lost.
            let began = ThreadTime.nanoseconds
            var taken: Int64 = 0
            while taken < Self.shortest {
                guard slice(&state) else { return nil }
                taken = ThreadTime.nanoseconds &- began
            }
            if taken > Self.longest {
                state.pages = max(state.pages / 2, Self.fewestPages)
            } else if taken < Self.longest / 2 {
                state.pages = min(state.pages * 2, Self.mostPages)
            }
            return .nanoseconds(taken &* Self.restsForEach)
        }
    }

    /// False at the end.
    private func slice(_ state: inout State) -> Bool {
        switch state.scan?.slice(of: pagemap.rawValue, pages: state.pages) {
        case .more: return true
        case .done: return false
        case .unsupported:
            state.entries = state.scan.map { PagemapEntries($0.ranges) }
            state.scan = nil
            return true
        case nil: return state.entries?.slice(of: pagemap.rawValue, pages: state.pages) ?? false
        }
    }

    private static let fewestPages = 512
    private static let mostPages = 16_384
    private static let longest: Int64 = 500_000
    /// Below this the process does not notice, and a rest would take longer than it is asked to.
    private static let shortest: Int64 = 100_000
    private static let restsForEach: Int64 = 49
}

extension ProcessDirectory {
    /// A count of what is in memory now of some ranges, which are ascending and do not overlap.
    ///
    /// nil where pagemap may not be read: it needs ptrace access, and other users' needs root's file rights too.
    package func residentCount(of ranges: [Range<UInt64>]) -> ResidentCount? {
        residentCount(of: ranges, scanning: KernelFeature.pagemapScan.isAllowed)
    }

    func residentCount(of ranges: [Range<UInt64>], scanning: Bool) -> ResidentCount? {
        guard let pagemap = try? openFile("pagemap") else { return nil }
        return ResidentCount(pagemap: pagemap, ranges: ranges, scanning: scanning)
    }

    /// The same to the end, with the thread asleep in between; nil of each range where pagemap may not be read.
    package func residentBytes(of ranges: [Range<UInt64>]) -> [UInt64?] {
        residentBytes(of: ranges, scanning: KernelFeature.pagemapScan.isAllowed)
    }

    func residentBytes(of ranges: [Range<UInt64>], scanning: Bool) -> [UInt64?] {
        guard !ranges.isEmpty, let count = residentCount(of: ranges, scanning: scanning) else {
            return Array(repeating: nil, count: ranges.count)
        }
        while let rest = count.advance() {
            let parts = rest.components
            var pause = timespec(
                tv_sec: Int(parts.seconds), tv_nsec: Int(parts.attoseconds / 1_000_000_000))
            nanosleep(&pause, nil)
        }
        return count.bytes
    }

    /// The same of one range; nil also where it is empty.
    package func residentBytes(start: UInt64, end: UInt64) -> UInt64? {
        start < end ? residentBytes(of: [start..<end])[0] : nil
    }
}
