import Glibc
import TestSupport
import Testing
import Varlink

// The server's own behaviour: VarlinkTests/DescriptorExhaustionTests.swift. Few descriptors for many targets:
// FewDescriptorsTests.swift.
@Suite(
    "Clients take all of memwatchd's descriptors", .requiresRoot, .requiresTool("setpriv"),
    .timeLimit(.minutes(5)))
struct NoDescriptorsTests {
    private func connection(to daemon: Daemon) throws -> CInt {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard withUnixAddress(daemon.socket, { connect(descriptor, $0, $1) }) == 0 else {
            throw TestFailure("cannot connect: \(errno)")
        }
        return descriptor
    }

    @Test(
        "accepting pauses at next to no cost, looks go on, and who waits is answered when there are some again"
    )
    func exhausted() throws {
        let limit = 96
        let daemon = try Daemon(
            Daemon.quiet + "[access]\nconnections_per_user = 1000\n[events]\nsource = \"sampling\"\n",
            through: ["prlimit", "--nofile=\(limit):\(limit)", "setpriv", "--bounding-set=-sys_resource"])
        let memgrow = try Memgrow(
            "sbrk", "--size", "40KiB", "--count", "1000", "--keep", "--step", "--hold")
        _ = try daemon.output("attach", "\(memgrow.pid)", "--interval", "1s")
        let follower = try daemon.follow(memgrow.pid)
        try follower.wait(for: "attached")
        var held: [CInt] = []
        defer { for descriptor in held { close(descriptor) } }
        // As many as there are, and some that have to wait. All at once, as where the daemon is slower than they.
        kill(daemon.process.pid, SIGSTOP)
        for _ in 0..<limit { held.append(try connection(to: daemon)) }
        kill(daemon.process.pid, SIGCONT)
        let waiting = try Client.start(["list", "--format", "json"], socket: daemon.socket)
        func grow() throws {
            let said = try memgrow.step()
            while try follower.next().end != said.string("end") {}
        }
        try grow()
        // Some are left for what it opens itself.
        let open = try daemon.descriptors()
        #expect(open > limit / 2 && open <= limit - 16, "\(open)")
        let (began, used) = (ContinuousClock.now, try daemon.processorSeconds())
        for _ in 0..<4 { try grow() }
        let wall = (ContinuousClock.now - began) / .seconds(1)
        let share = (try daemon.processorSeconds() - used) / wall
        print("no descriptors for \(wall) s: \(share * 100) % of a processor, 4 growths told")
        #expect(share < 0.05)
        // Nobody was let in meanwhile.
        #expect(try daemon.descriptors() == open)

        for descriptor in held { close(descriptor) }
        held = []
        let run = try Client.finish(waiting)
        #expect(run.exit == .status(0), "\(run)")
        #expect(try JSON(parsing: run.output).arrayValue?.count == 1)
        #expect(try daemon.run("status").exit == .status(0))
        try daemon.stop()
    }
}
