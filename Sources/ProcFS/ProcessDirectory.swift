import Glibc
import Synchronization
import SystemPackage

/// `/proc/[pid]` of one process, held open.
///
/// Everything is read through the descriptor of the directory, so that it is always the
/// process that was opened: when that dies, every call throws ``ProcError/gone(pid:)``, even
/// after the kernel has given its pid to another.
package final class ProcessDirectory: Sendable {
    package let pid: Int32
    let root: ProcRoot
    let directory: OwnedDescriptor
    /// The kept descriptor of `statm`, -1 while there is none. Under a lock, so that closing
    /// it never pulls it from under a read on another thread.
    private let keptStatm = Mutex<Int32>(-1)
    let mounts = Mutex<MountTypes?>(nil)

    init(pid: Int32, root: ProcRoot, directory: consuming OwnedDescriptor) {
        self.pid = pid
        self.root = root
        self.directory = directory
        DescriptorBudget.took()
    }

    deinit {
        closeStatm()
        DescriptorBudget.gaveBack()
    }

    /// `/proc/[pid]/statm`, by one pread(2) on a descriptor that stays open, while there are plenty of those
    /// (``DescriptorBudget``): 1.2 µs, no allocation; else 4 µs.
    ///
    /// Readable by everyone. A zombie reads all zeros.
    package func statm() throws(ProcError) -> Statm {
        var buffer = InlineArray<256, UInt8>(repeating: 0)
        var span = buffer.mutableSpan
        return try span.withUnsafeMutableBytes { bytes throws(ProcError) in
            let count: Int
            do throws(Errno) {
                count = try readStatm(into: bytes)
            } catch {
                throw self.error(error, "statm")
            }
            let text = UnsafeRawBufferPointer(rebasing: bytes[0..<count])
            return try Statm(parsing: text, from: path("statm"))
        }
    }

    private func readStatm(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        // Seven numbers of at most 20 digits: never more than the buffer's 256 bytes.
        let result = keptStatm.withLock { kept -> Result<Int, Errno> in
            do throws(Errno) {
                if kept < 0 {
                    let opened = try openBelow(directory.rawValue, "statm")
                    guard DescriptorBudget.mayKeep() else {
                        let raw = opened.rawValue
                        return .success(
                            try retryingOnInterrupt { pread(raw, buffer.baseAddress, buffer.count, 0) })
                    }
                    kept = opened.release()
                }
                let raw = kept
                defer {
                    if DescriptorBudget.isShort { giveBack(&kept) }
                }
                return .success(
                    try retryingOnInterrupt { pread(raw, buffer.baseAddress, buffer.count, 0) })
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Gives back the descriptor that ``statm()`` keeps; the next call opens it anew.
    package func closeStatm() {
        keptStatm.withLock { giveBack(&$0) }
    }

    private func giveBack(_ kept: inout Int32) {
        guard kept >= 0 else { return }
        close(kept)
        kept = -1
        DescriptorBudget.gaveBack()
    }

    /// `/proc/[pid]/status`: 20–45 µs.
    package func status() throws(ProcError) -> ProcessStatus {
        // Only the list of groups can be long: 65,536 of up to ten digits.
        let bytes = try contents("status", limit: 1 << 20, isOneRecord: true)
        return try bytes.span.withUnsafeBytes { text throws(ProcError) in
            try ProcessStatus(parsing: text, from: path("status"))
        }
    }

    /// `/proc/[pid]/stat`. Addresses are nil without ptrace access.
    package func stat() throws(ProcError) -> ProcessStat {
        let bytes = try contents("stat", limit: 4096, isOneRecord: true)
        return try bytes.span.withUnsafeBytes { text throws(ProcError) in
            try ProcessStat(parsing: text, from: path("stat"))
        }
    }

    /// True for a thread of the kernel, which has no address space.
    package func isKernelThread() throws(ProcError) -> Bool { try stat().isKernelThread }

    // MARK: Reading

    func path(_ name: String) -> String { "\(root.path)/\(pid)/\(name)" }

    func error(_ errno: Errno, _ name: String) -> ProcError {
        ProcError(errno, path: path(name), pid: pid)
    }

    func openFile(_ name: String) throws(ProcError) -> OwnedDescriptor {
        do throws(Errno) {
            return try openBelow(directory.rawValue, name)
        } catch {
            throw self.error(error, name)
        }
    }

    /// - Parameter isOneRecord: the kernel makes the file in one piece (`single_open`).
    func contents(_ name: String, limit: Int, isOneRecord: Bool = false) throws(ProcError) -> [UInt8] {
        let descriptor = try openFile(name)
        do throws(Errno) {
            return try readAll(descriptor, limit: limit, isOneRecord: isOneRecord)
        } catch {
            throw self.error(error, name)
        }
    }
}
