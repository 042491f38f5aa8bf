import CLinux
import Glibc
import SystemPackage

/// Where a pass takes raw records from: a ring, or what a test made up.
protocol RecordSource: Sendable {
    var cpu: Int32 { get }
    /// The most that one ``take(into:)`` copies.
    var bytes: Int { get }
    /// Copies all records that are there to `target` and forgets them.
    func take(into target: UnsafeMutableRawPointer) -> TakenBytes
}

struct TakenBytes {
    /// How much was copied.
    var count: Int
    /// Something may have found no room since the last time.
    var wasNearlyFull = false
    /// Head and tail contradicted each other.
    var isDamaged = false
}

/// The ring of one CPU, shared by all events of that CPU.
///
/// `@unchecked`: once it is made, only the drain thread touches the mapping; others look at the constants.
struct PerfRing: RecordSource, @unchecked Sendable {
    let owner: PerfEvent
    private let page: UnsafeMutableRawPointer
    private let pageBytes: Int
    /// A power of two.
    let bytes: Int

    /// No side-band record is larger: a path of 4,096 bytes, what surrounds it, and the record that tells
    /// of lost ones before it.
    static let largestRecord = 8_192

    var cpu: Int32 { owner.cpu }

    /// - Throws: EPERM where locked memory does not suffice (mmap says so, not perf_event_open).
    init(cpu: Int32, bytes: Int) throws(PerfRing.Failure) {
        do throws(Errno) {
            owner = try PerfEvent.open(.ringOwner, cpu: cpu, watermark: bytes / 4)
        } catch {
            throw .opening(error)
        }
        pageBytes = sysconf(Int32(_SC_PAGESIZE))
        let address = mmap(
            nil, pageBytes + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, owner.descriptor, 0)
        guard let address, address != MAP_FAILED else {
            let code = errno
            owner.close()
            throw .mapping(Errno(rawValue: code))
        }
        page = address
        self.bytes = bytes
    }

    enum Failure: Error {
        case opening(Errno)
        case mapping(Errno)
    }

    /// Copies all that is there to `target`, which has room for ``bytes``, and lets the kernel write anew.
    func take(into target: UnsafeMutableRawPointer) -> TakenBytes {
        let head = clinux_perf_ring_head(page)
        let tail = page.assumingMemoryBound(to: perf_event_mmap_page.self).pointee.data_tail
        let unread = head &- tail
        guard unread > 0 else { return TakenBytes(count: 0) }
        guard unread <= UInt64(bytes) else {
            clinux_perf_ring_set_tail(page, head)
            return TakenBytes(count: 0, wasNearlyFull: true, isDamaged: true)
        }
        let count = Int(unread)
        let start = Int(tail & UInt64(bytes - 1))
        let data = UnsafeRawPointer(page) + pageBytes
        let first = min(count, bytes - start)
        memcpy(target, data + start, first)
        memcpy(target + first, data, count - first)
        clinux_perf_ring_set_tail(page, head)
        // Whatever found no room before the tail moved, did so at or before this head.
        let reached = clinux_perf_ring_head(page) &- tail
        return TakenBytes(
            count: count, wasNearlyFull: reached > UInt64(max(0, bytes - Self.largestRecord)))
    }

    func close() {
        munmap(page, pageBytes + bytes)
        owner.close()
    }
}
