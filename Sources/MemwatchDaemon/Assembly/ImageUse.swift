import CLinux
import Glibc
import ProcFS

/// What of the program's own file and its libraries is mapped.
enum ImageUse {
    /// The code and constants that a daemon uses while it only watches are about 3 MiB, start-up uses 20.
    private static let enough: UInt64 = 4 << 20

    /// Unmaps code and constants, most of which only start-up and rare calls need, where there are more than enough.
    ///
    /// That is no memory of this process's own: it is the page cache's, and the kernel takes it when it needs room,
    /// more easily where nobody has it mapped. But as long as it is mapped it counts as resident, and as private
    /// where nobody else runs the program. What is used again comes back by some fifty faults that read nothing.
    ///
    /// Not while a debugger is there: its breakpoints are written into copies of these pages. (So are uprobes',
    /// which are set anew by whoever uses them: attach those once the daemon has run for some seconds.)
    static func trim() {
        guard let status = try? ProcRoot().open(pid: getpid()).status(), status.tracer == 0,
            let mapped = status.rssFileBytes, mapped > enough
        else { return }
        clinux_forget_image_pages()
    }
}
