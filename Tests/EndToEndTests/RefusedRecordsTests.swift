import TestSupport
import Testing
import Varlink

@Suite("Without the kernel's records", .timeLimit(.minutes(5)))
struct RefusedRecordsTests {
    /// Runs a program for which perf_event_open does not exist, as a service manager's filter or a container does.
    static let filter = """
        #include <errno.h>
        #include <linux/filter.h>
        #include <linux/seccomp.h>
        #include <stddef.h>
        #include <sys/prctl.h>
        #include <sys/syscall.h>
        #include <unistd.h>

        int main(int count, char **words) {
            struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
            };
            struct sock_fprog program = {sizeof code / sizeof *code, code};
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 126;
            execvp(words[1], words + 1);
            return 127;
        }
        """

    @Test(
        "refused by a filter: it samples, and says so once in the journal and always in status and list",
        .requiresTool("cc"), .requiresPrivateJournal)
    func filtered() throws {
        let filter = try CProgram(Self.filter)
        let journal = try PrivateJournal()
        let daemon = try Daemon("", through: journal.wrapper + [filter.path])
        try samples(daemon)
        try daemon.reload("")
        try samples(daemon)
        try daemon.stop()
        let said = try journal.entries().filter {
            $0["MEMWATCH_PID"] == nil && $0["MESSAGE"]?.stringValue?.contains("sampling") == true
        }
        #expect(said.count == 1, "\(said.map { $0["MESSAGE"]?.stringValue ?? "" })")
        #expect(said.first?["MESSAGE"]?.stringValue?.contains("perf_event_open") == true)
    }

    @Test("not wanted: it samples, and status says that it was told to")
    func unwanted() throws {
        let daemon = try Daemon(Daemon.quiet + "[events]\nsource = \"sampling\"\n")
        try samples(daemon)
        try daemon.stop()
    }

    /// It works, and says how.
    private func samples(_ daemon: Daemon) throws {
        let memgrow = try Memgrow("sbrk", "--size", "40KiB", "--count", "2", "--keep", "--step", "--hold")
        let follower = try daemon.attach(memgrow.pid)
        let said = try memgrow.step()
        let event = try follower.wait(for: "brk-grow")
        #expect(event.delta == said.delta && event.json["source"]?.stringValue == "sample")
        let status = try JSON(parsing: try daemon.output("status", "--format", "json"))
        #expect(status["event_source"]?.stringValue == "sampling")
        #expect(status["event_source_reason"]?.stringValue?.isEmpty == false)
        let target = try daemon.records("list").first { $0["pid"]?.integerValue == Int64(memgrow.pid) }
        #expect(target?["event_source"]?.stringValue == "sampling")
        // For people too.
        #expect(try daemon.output("status").contains("sampling"))
        let reason = try #require(status["event_source_reason"]?.stringValue)
        #expect(try daemon.output("list").contains(reason))
    }
}
