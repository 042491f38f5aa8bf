import CLinux
import Glibc
package import MemoryModel
import SystemPackage

extension ProcessDirectory {
    /// Who this process is, unmistakably: boot, pid, start ticks, inode of the pidfd.
    ///
    /// - Throws: ``ProcError/gone(pid:)`` also where the number is a thread's, not a process's.
    package func identity() throws(ProcError) -> ProcessIdentity {
        let inode = try pidfdInode()
        // pidfd_open(2) goes by number, and the number may have passed to another process
        // since this directory was opened. While the directory still answers, it has not.
        let start = try stat().startTicks
        return ProcessIdentity(bootID: root.bootID() ?? "", pid: pid, startTicks: start, pidfdInode: inode)
    }

    /// nil where pidfds have no inode of their own (before Linux 6.9 they share one), and
    /// where this is not our own /proc, so that the number would mean another process.
    private func pidfdInode() throws(ProcError) -> UInt64? {
        guard root.isOwn else { return nil }
        let raw = clinux_pidfd_open(pid)
        if raw < 0 {
            switch Errno(rawValue: errno) {
            // EINVAL and ENOENT (6.12): the id of a thread. ESRCH: gone.
            case .invalidArgument, .noSuchFileOrDirectory, .noSuchProcess: throw .gone(pid: pid)
            case .tooManyOpenFiles, .tooManyOpenFilesInSystem:
                throw .system(path: path(""), errno: Errno(rawValue: errno))
            // ENOSYS before 5.3, EPERM under a filter: do without.
            default: return nil
            }
        }
        let descriptor = OwnedDescriptor(raw)
        var status = Glibc.stat()
        guard clinux_filesystem_magic(descriptor.rawValue) == UInt64(CLINUX_PIDFS_MAGIC),
            fstat(descriptor.rawValue, &status) == 0
        else { return nil }
        return UInt64(status.st_ino)
    }

    /// What is known of the process besides its memory. Fields that this user may not read are nil.
    package func describe() throws(ProcError) -> ProcessDescription {
        let identity = try identity()
        let stat = try stat()
        let status = try status()
        var description = ProcessDescription(identity: identity, comm: stat.comm)
        description.exe = try? executable()
        description.uid = status.uids?.effective
        description.gid = status.gids?.effective
        if let cgroup = cgroupPath() {
            description.cgroup = String(decoding: cgroup, as: UTF8.self)
            description.unit = systemdUnit(ofCgroup: cgroup)
        }
        description.started = root.bootTime().map { Self.time(ofTicks: identity.startTicks, after: $0) }
        return description
    }

    private static func time(ofTicks ticks: UInt64, after boot: Timestamp) -> Timestamp {
        // USER_HZ, 100 on every architecture but two.
        let perSecond = UInt64(clamping: max(sysconf(Int32(_SC_CLK_TCK)), 1))
        let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: perSecond)
        let sinceBoot = Timestamp(
            seconds: Int64(clamping: seconds), microseconds: Int64(rest * 1_000_000 / perSecond))
        return Timestamp(microseconds: boot.microseconds.addingSaturating(sinceBoot.microseconds))
    }

    /// What `/proc/[pid]/exe` reads: raw bytes, ending in ` (deleted)` where the file is
    /// unlinked. Needs ptrace access. A kernel thread has none: ``ProcError/gone(pid:)``.
    package func executable() throws(ProcError) -> [UInt8] {
        do throws(Errno) {
            return try readLink(directory.rawValue, "exe")
        } catch {
            throw self.error(error, "exe")
        }
    }

    /// Who owns `/proc/[pid]/maps`: the process's effective ids, or root's while the process
    /// is not dumpable. A part of the rule who may see it.
    package func mapsOwner() -> (uid: UInt32, gid: UInt32)? {
        var status = Glibc.stat()
        guard fstatat(directory.rawValue, "maps", &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return (status.st_uid, status.st_gid)
    }
}
