import CLinux
import Glibc
import MemoryModel
import SystemPackage

extension ProcessDirectory {
    /// Reads `/proc/[pid]/maps` until a reading agrees with statm, at most three times.
    ///
    /// One reading is not atomic: the kernel gives out a page of text at a time, and between
    /// two of them the process changes. A reading counts as consistent if statm had the same
    /// size before and after and the areas add up to it without overlap. The last of three
    /// that do not is given with ``MapsLook/isConsistent`` false.
    ///
    /// Costs about 250 ns an area in the kernel. `limitBytes` bounds the text: an unprivileged
    /// process can present a gigabyte of it.
    ///
    /// - Throws: ``ProcError/noMemory(pid:state:)`` for kernel threads and zombies,
    ///   ``ProcError/denied(path:)`` without ptrace access (or CAP_PERFMON, Linux 6.15). The
    ///   look's areas are then of no use.
    package func look(into look: inout MapsLook, limitBytes: Int = 16 << 20) throws(ProcError) {
        try self.look(into: &look, limitBytes: limitBytes) { () throws(ProcError) in try statm().sizeBytes }
    }

    /// The same for who wants to know of `/proc/[pid]/status` as well, read right after maps: its VmSize is the
    /// count that statm prints, so that statm need not be asked a second time.
    package func lookWithStatus(
        into look: inout MapsLook, limitBytes: Int = 16 << 20
    ) throws(ProcError) -> ProcessStatus {
        var last = ProcessStatus()
        try self.look(into: &look, limitBytes: limitBytes) { () throws(ProcError) in
            last = try status()
            return last.vmSizeBytes ?? 0
        }
        return last
    }

    /// - Parameter sizeAfter: VmSize now.
    private func look(
        into look: inout MapsLook, limitBytes: Int, sizeAfter: () throws(ProcError) -> UInt64
    ) throws(ProcError) {
        look.begin()
        var tornReadings = 0
        for attempt in 1...Self.maximumReadings {
            look.tries = attempt
            let before = try statm().sizeBytes
            let reading = try readMaps(
                into: &look, sizeBefore: before, limitBytes: limitBytes, sizeAfter: sizeAfter)
            switch reading {
            case .empty:
                try throwIfWithoutMemory()
                continue
            case .vanished:
                continue
            case .truncated:
                look.isTruncated = true
                look.repair()
                return
            case .consistent:
                look.isConsistent = true
                return
            case .torn:
                break
            }
            tornReadings += 1
            if tornReadings == 3 {
                look.repair()
                return
            }
        }
        throw .system(path: path("maps"), errno: .resourceTemporarilyUnavailable)
    }

    /// Three torn readings, and some that exec(2) cut short: each takes an exec of its own.
    private static var maximumReadings: Int { 10 }

    private enum Reading {
        case consistent
        /// All of it, but not of one instant.
        case torn
        case truncated
        /// No text at all: no memory, or an exec right after the open.
        case empty
        /// The end came because the memory was gone, not because the areas were through.
        case vanished
    }

    private func readMaps(
        into look: inout MapsLook, sizeBefore: UInt64, limitBytes: Int,
        sizeAfter: () throws(ProcError) -> UInt64
    ) throws(ProcError) -> Reading {
        look.clear()
        // Anew each time: a descriptor of maps stays with the memory the process had at its
        // opening, also after an exec.
        let descriptor: OwnedDescriptor
        do throws(ProcError) {
            descriptor = try openFile("maps")
        } catch .gone {
            // Some kernels refuse to open where there is no memory.
            return .empty
        }
        var reader = MapsReader(descriptor: descriptor.rawValue, limitBytes: limitBytes)
        defer { reader.deallocate() }
        do throws(MapsReader.Failure) {
            try reader.readAll(into: &look)
        } catch {
            switch error {
            case .system(let errno): throw self.error(errno, "maps")
            case .malformed(let line, let field):
                throw .malformed(path: path("maps"), line: line, field: field)
            }
        }
        // On the open file: a third of what fstatat(2) of its name costs, and just as fresh.
        var status = Glibc.stat()
        look.ownerUID = fstat(descriptor.rawValue, &status) == 0 ? status.st_uid : nil
        if reader.isTruncated {
            look.sizeBytes = try sizeAfter()
            return .truncated
        }
        if reader.bytesRead == 0 { return .empty }
        look.sizeBytes = try sizeAfter()
        let sum = reader.sumBytes
        if reader.isOrdered, sizeBefore == look.sizeBytes, sum == sizeBefore { return .consistent }
        // A process that ends or execs gives a silent end of file in the middle. Whoever
        // still has memory has a first line to give again (one byte makes the kernel format
        // one line only).
        var byte: UInt8 = 0
        let raw = descriptor.rawValue
        let again = try? retryingOnInterrupt { pread(raw, &byte, 1, 0) }
        return again == 1 ? .torn : .vanished
    }

    /// Tells why maps was empty. Returns where the process may yet have memory: its exec was
    /// between the old and the new.
    private func throwIfWithoutMemory() throws(ProcError) {
        let stat = try stat()
        if stat.isKernelThread { throw .noMemory(pid: pid, state: .kernelThread) }
        if stat.isZombie { throw .noMemory(pid: pid, state: .zombie) }
        if stat.isExiting { throw .gone(pid: pid) }
    }
}
