import CLinux
import Glibc
package import MemoryModel
import SystemPackage

/// Where /proc is mounted. Passed to everything that reads it, so that tests can give a
/// captured tree instead.
package struct ProcRoot: Sendable {
    package let path: String

    package init(path: String = "/proc") { self.path = path }

    /// Opens `/proc/[pid]`.
    ///
    /// - Throws: ``ProcError/gone(pid:)`` where there is no such process or `hidepid` hides it.
    package func open(pid: Int32) throws(ProcError) -> ProcessDirectory {
        let name = "\(path)/\(pid)"
        do throws(Errno) {
            // O_PATH needs no permission on the directory, and keeps meaning this process:
            // once it is dead everything below fails, even when the pid is used again.
            let flags = CLINUX_O_PATH | O_DIRECTORY
            let descriptor = try openBelow(AT_FDCWD, name, flags: flags)
            return ProcessDirectory(pid: pid, root: self, directory: descriptor)
        } catch {
            throw ProcError(error, path: name, pid: pid)
        }
    }

    /// The ids of all processes this user can see, ascending. Not atomic: some may be gone already.
    package func processIDs() throws(ProcError) -> [Int32] {
        do throws(Errno) {
            return try numericNames(inDirectory: path, below: AT_FDCWD)
        } catch {
            throw .system(path: path, errno: error)
        }
    }

    /// `/proc/sys/kernel/random/boot_id`: 36 characters, new at every boot.
    package func bootID() -> String? {
        guard let bytes = contents("sys/kernel/random/boot_id") else { return nil }
        let text = bytes.prefix { $0 != UInt8(ascii: "\n") }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// The wall-clock time of the boot, as the wall clock goes now: it moves when that is set.
    ///
    /// From the difference of the clocks, because `btime` of `/proc/stat` has whole seconds
    /// only; start times count CLOCK_BOOTTIME (Linux 5.5 applies the time namespace to both).
    /// A tree that is not this system's own answers with its `btime`.
    package func bootTime() -> Timestamp? {
        guard isOwn else { return recordedBootTime() }
        var wall = timespec()
        var sinceBoot = timespec()
        guard clock_gettime(CLOCK_REALTIME, &wall) == 0, clock_gettime(CLOCK_BOOTTIME, &sinceBoot) == 0
        else { return nil }
        return Timestamp(
            seconds: Int64(wall.tv_sec) - Int64(sinceBoot.tv_sec),
            microseconds: (Int64(wall.tv_nsec) - Int64(sinceBoot.tv_nsec)) / 1000)
    }

    /// `/proc/sys/kernel/pid_max`: process ids are below it.
    package func maximumPID() -> Int32? {
        number("sys/kernel/pid_max").flatMap { Int32(exactly: $0) }
    }

    /// `/proc/sys/vm/max_map_count`: mmap(2) fails for a process of so many areas.
    package func maxMapCount() -> UInt64? { number("sys/vm/max_map_count") }

    /// `/proc/sys/kernel/perf_event_paranoid`: -1 to 2, and 3 or 4 on kernels that distributions patched; nil
    /// where it cannot be read (a kernel without perf events).
    package func perfEventParanoid() -> Int? {
        contents("sys/kernel/perf_event_paranoid").flatMap {
            Int(String(decoding: $0.prefix { $0 > UInt8(ascii: " ") }, as: UTF8.self))
        }
    }

    /// True where this is the /proc of this process's own pid namespace, so that a pid means
    /// the same to a system call as it does here. False for captured trees and for another
    /// container's mount.
    var isOwn: Bool {
        guard let link = try? readLink(AT_FDCWD, path + "/self") else { return false }
        return link == Array(String(getpid()).utf8)
    }

    /// The same, asked once for the usual place: nobody mounts another /proc over a running daemon's.
    var isSystems: Bool { path == "/proc" && Self.isUsualPlaceOwn }

    private static let isUsualPlaceOwn = ProcRoot().isOwn

    func contents(_ name: String, limit: Int = 65_536) -> [UInt8]? {
        try? readAll(openBelow(AT_FDCWD, "\(path)/\(name)"), limit: limit)
    }

    private func number(_ name: String) -> UInt64? {
        contents(name)?.withUnsafeBytes { bytes in
            var cursor = ByteCursor(bytes)
            return cursor.decimal()
        }
    }

    private func recordedBootTime() -> Timestamp? {
        // Long on machines with many interrupts, and btime stands behind them.
        contents("stat", limit: 1 << 20)?.withUnsafeBytes { bytes in
            var lines = ByteCursor(bytes)
            while let line = lines.line() {
                guard line.hasPrefix("btime ") else { continue }
                var cursor = ByteCursor(line, from: 6)
                return cursor.decimal().map { Timestamp(seconds: Int64(clamping: $0)) }
            }
            return nil
        }
    }
}

extension ProcError {
    /// What an errno means on a file of one process.
    init(_ errno: Errno, path: String, pid: Int32) {
        switch errno {
        case .noSuchFileOrDirectory, .noSuchProcess: self = .gone(pid: pid)
        case .permissionDenied, .notPermitted: self = .denied(path: path)
        default: self = .system(path: path, errno: errno)
        }
    }
}
