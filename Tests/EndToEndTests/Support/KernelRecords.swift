import TestSupport
import Testing

/// Whether this kernel gives this user what the kernel's records need, asked without memwatch.
enum KernelRecords {
    /// A dummy event of every process on the first processor, with the ring that its records go to.
    private static let probe = """
        #include <linux/perf_event.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        int main(void) {
            struct perf_event_attr a;
            memset(&a, 0, sizeof a);
            a.size = sizeof a;
            a.type = PERF_TYPE_SOFTWARE;
            a.config = PERF_COUNT_SW_DUMMY;
            a.mmap = a.mmap2 = a.mmap_data = a.task = a.comm = 1;
            long file = syscall(SYS_perf_event_open, &a, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
            if (file < 0) return 1;
            return mmap(0, 9 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED;
        }
        """

    static let arePossible: Bool = {
        guard let program = try? CProgram(probe) else { return false }
        return (try? run(program.path)) != nil
    }()
}

/// Whether strace may attach to a process of this user.
private let straceAttaches: Bool = {
    guard let sleeper = try? ChildProcess("sleep", ["1000"]),
        let strace = try? ChildProcess(
            "strace", ["-o", "/dev/null", "-p", "\(sleeper.pid)"], errorsToOutput: true),
        let line = try? strace.nextLine()
    else { return false }
    strace.signal(2)
    _ = try? strace.waitForExit()
    return line.hasSuffix(" attached")
}()

extension Trait where Self == ConditionTrait {
    /// perf_event_open for every process, and memory for its ring.
    static var requiresKernelRecords: Self {
        requires(
            "kernel-records", KernelRecords.arePossible,
            "perf_event_open must be allowed for every process, and cc must be there to find out")
    }

    static var requiresStrace: Self {
        requires("ptrace", straceAttaches, "strace may not attach to a process")
    }
}
