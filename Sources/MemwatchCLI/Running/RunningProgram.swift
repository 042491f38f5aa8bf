import CLinux
import Glibc
import Synchronization

/// A program that is started when everything is ready for it, and whose end is passed on.
final class RunningProgram {
    enum End: Hashable {
        case exited(Int32)
        case signal(Int32)
    }

    let pid: Int32
    private let release: Int32
    private let report: Int32
    private let name: String

    /// Makes the process; the program does not run yet.
    ///
    /// - Parameter words: the last of this program's own arguments.
    init(_ words: [String]) throws(Failure) {
        var child = clinux_waiting_child()
        guard CArguments(own: words).with({ clinux_start_waiting($0, &child) }) == 0 else {
            throw Failure(.software, "cannot make a process: \(SystemError.text(errno))")
        }
        (pid, release, report, name) = (child.pid, child.release, child.report, words[0])
    }

    deinit {
        close(release)
        close(report)
    }

    /// Lets the program run, passes signals on to it, and returns when it has ended.
    func run() throws(Failure) -> End {
        ignoreKeys()
        forwardSignals()
        var byte: UInt8 = 1
        _ = write(release, &byte, 1)
        let failure = failureOfExec()
        let end = wait()
        if let failure { throw Failure.notRun(name, failure) }
        return end
    }

    /// Where it could not be watched: it ends without having run.
    func abandon() {
        kill(pid, SIGKILL)
        _ = wait()
    }

    private func wait() -> End {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let number = clinux_signaled(status)
        return number >= 0 ? .signal(number) : .exited(clinux_exited(status))
    }

    private func failureOfExec() -> Int32? {
        var code: Int32 = 0
        while true {
            let count = read(report, &code, MemoryLayout<Int32>.size)
            if count < 0, errno == EINTR { continue }
            return count == MemoryLayout<Int32>.size ? code : nil
        }
    }

    /// Ctrl-C and Ctrl-\ reach the whole group: the program does with them what it does, and is summed up.
    private func ignoreKeys() {
        signal(SIGINT, SIG_IGN)
        signal(SIGQUIT, SIG_IGN)
    }

    private func forwardSignals() {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGHUP, SIGUSR1, SIGUSR2] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let (pid, taken) = (pid, set)
        DetachedThread.start {
            var set = taken
            while true {
                var number: Int32 = 0
                if sigwait(&set, &number) == 0 { kill(pid, number) }
            }
        }
    }
}

extension Failure {
    /// As env(1), time(1) and shells have it: 127 where there is no such program, 126 where it cannot be run.
    static func notRun(_ name: String, _ code: Int32) -> Failure {
        Failure(
            code == ENOENT ? .notFound : .notExecutable,
            "cannot run \(name): \(SystemError.text(code))"
                + (code == ENOENT ? ", and PATH has none: write its path" : ""))
    }
}
