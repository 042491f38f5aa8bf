import Glibc

/// Waits for the end of a child of this process without reaping it.
func waitUntilZombie(_ pid: pid_t) throws {
    var info = siginfo_t()
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
}
