import Glibc
import MemoryModel
import ProcFS
import Testing

@Suite struct IdentityTests {
    @Test("An identity is the same at every asking, and another process's is another")
    func stable() throws {
        let subject = try Subject("wait")
        let other = try Subject("wait")
        let identity = try subject.open().identity()
        #expect(try subject.open().identity() == identity)
        #expect(try other.open().identity() != identity)
        #expect(identity.bootID.utf8.count == 36)
        #expect(identity.startTicks > 0)
    }

    @Test(
        "A pid used again is another process, though the number is the same and the clock tick may be",
        .needsRoot)
    func reused() throws {
        let last = "/proc/sys/kernel/ns_last_pid"
        try #require(access(last, W_OK) == 0, "needs CONFIG_CHECKPOINT_RESTORE")
        let sleepers = try Subject("sleepers", prints: false)
        func sleeper() throws -> Int32 {
            sleepers.write("")
            return try #require(Int32(sleepers.readLine()))
        }
        // Other processes start at the same time and may take the number first.
        for _ in 0..<2000 {
            let pid = try sleeper()
            let before = try ProcRoot().open(pid: pid)
            let identity = try before.identity()
            kill(pid, SIGKILL)
            sleepers.write("reap")
            _ = sleepers.readLine()
            let descriptor = open(last, O_WRONLY)
            let text = Array("\(pid - 1)".utf8)
            write(descriptor, text, text.count)
            close(descriptor)
            let next = try sleeper()
            defer { kill(next, SIGKILL) }
            guard next == pid else { continue }
            let after = try ProcRoot().open(pid: pid)
            #expect(throws: ProcError.gone(pid: pid)) { try before.stat() }
            #expect(throws: ProcError.gone(pid: pid)) { try before.identity() }
            let newIdentity = try after.identity()
            #expect(newIdentity.pid == identity.pid)
            if identity.pidfdInode != nil { #expect(newIdentity != identity) }
            return
        }
        Issue.record("the pid was never given again")
    }

    @Test(
        "A name of anything but NUL is read to its last parenthesis",
        arguments: ["a) R 1 (b", "x\ny)\n", "))))"])
    func comm(name: String) throws {
        let subject = try Subject("comm", name)
        let process = try subject.open()
        #expect(try process.stat().comm == Array(name.utf8))
        #expect(try process.describe().comm == Array(name.utf8))
        #expect(try process.stat().parent == getpid())
        #expect(try process.status().parent == getpid())
    }

    @Test("A description says what is known of this very process")
    func description() throws {
        let description = try ProcRoot().open(pid: getpid()).describe()
        #expect(description.uid == geteuid() && description.gid == getegid())
        #expect(description.exe?.isEmpty == false)
        let started = try #require(description.started)
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        #expect(started < Timestamp(seconds: Int64(now.tv_sec) + 1))
        #expect(started > Timestamp(seconds: Int64(now.tv_sec) - 86_400))
        #expect(try ProcRoot().open(pid: getpid()).mapsOwner().map { $0.uid } == geteuid())
    }

    @Test("What the system's limits are can be asked")
    func limits() throws {
        #expect(try #require(ProcRoot().maximumPID()) > 300)
        #expect(try #require(ProcRoot().maxMapCount()) > 1000)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(UInt32(3)), &limit)
        #expect(try ProcRoot().open(pid: getpid()).stackLimit() == UInt64(limit.rlim_cur))
        #expect(try ProcRoot().processIDs().contains(getpid()))
    }
}
