package import MemoryModel
package import SystemPackage

/// Why something in `/proc` could not be had.
package enum ProcError: Error, Sendable, Equatable, CustomStringConvertible {
    /// ENOENT or ESRCH, or an end of file where a living process has none: a normal outcome.
    ///
    /// Also for a number that is a thread's and not a process's, and for processes that
    /// `hidepid` hides.
    case gone(pid: Int32)
    /// EACCES or EPERM on this file.
    case denied(path: String)
    /// The process is there but has no address space: a kernel thread never has one, a
    /// zombie has given its up. `state` is `.kernelThread` or `.zombie`.
    case noMemory(pid: Int32, state: TargetState)
    /// Text the kernel should not print. `line` counts from 1.
    case malformed(path: String, line: Int, field: String)
    /// Any other failure of a system call. EAGAIN: the process replaced its image by
    /// exec(2) every time it was looked at.
    case system(path: String, errno: Errno)

    /// One line that says what failed, on what, and what to do.
    package var description: String {
        switch self {
        case .gone(let pid):
            "no process \(pid): it has ended, or is a thread, or is hidden from this user;"
                + " 'ps -e' lists what there is"
        case .denied(let path):
            "not permitted to read \(path): run as the process's user, or as root with CAP_SYS_PTRACE"
        case .noMemory(let pid, .kernelThread):
            "process \(pid) is a kernel thread: it has no memory of its own to look at"
        case .noMemory(let pid, _):
            "process \(pid) is a zombie: its memory is gone, and only its parent has not noticed"
        case .malformed(let path, let line, let field):
            "\(path), line \(line): cannot understand the \(field); please report this with your kernel version"
        case .system(let path, .resourceTemporarilyUnavailable):
            "\(path): the process replaced its program each time it was looked at; try again"
        case .system(let path, let errno):
            "\(path): \(errno.description); check that /proc is mounted and descriptors are left (ulimit -n)"
        }
    }
}
