import CLinux
import Glibc

enum Signals {
    /// Ends this program as a signal would have, so that whoever waits for it sees that.
    static func die(of number: Int32) {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, number)
        signal(number, SIG_DFL)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        // A core of this program would tell nothing of the other.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        raise(number)
    }
}
