import Glibc
import TestSupport
import Testing
import Varlink

@Suite(
    "A server that a stranger has put there", .requiresRoot, .requiresTool("setpriv"),
    .requiresTool("python3"), .timeLimit(.minutes(5)))
struct ForgedServerTests {
    private let strangers: Strangers
    /// Where anybody may put things, as in /tmp.
    private let place: TemporaryDirectory

    init() throws {
        strangers = try Strangers()
        place = try TemporaryDirectory()
        chmod(place.path, 0o1777)
    }

    /// Listens at `path` as a user, and prints how many bytes each caller sent.
    private func forger(_ uid: UInt32, at path: String) throws -> ChildProcess {
        let listen = """
            import os, socket, sys
            s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o777); s.listen()
            print('listening', flush=True)
            while True:
                c, _ = s.accept()
                print(len(c.recv(100)), flush=True); c.close()
            """
        let words = Strangers.setpriv(uid) + Strangers.python + ["-c", listen, path]
        let process = try ChildProcess(words[0], Array(words.dropFirst()))
        guard try process.nextLine() == "listening" else { throw TestFailure(process.errorText()) }
        return process
    }

    /// What a client was told who must refuse: its one line.
    private func refusal(_ uid: UInt32?, _ socket: String) throws -> String {
        let run = try Client.run(
            ["list"], socket: socket, client: strangers.client, through: uid.map(Strangers.setpriv) ?? [])
        #expect(run.failed(77), "\(run)")
        #expect(run.errors.contains("neither you nor root nor memwatch"), "\(run)")
        return run.errors
    }

    @Test("is sent nothing by another user nor by root, and is named in one line")
    func socket() throws {
        let path = place.file("org.memwatch.Monitor")
        let forger = try forger(Strangers.one, at: path)
        for uid in [Strangers.other, nil] {
            #expect(try refusal(uid, path).contains("\(path) belongs to uid \(Strangers.one)"))
            // Also where the file's owner says otherwise: then it is the listener that tells.
            chown(path, 0, 0)
            #expect(try refusal(uid, path).contains("uid \(Strangers.one)"))
            #expect(try forger.nextLine() == "0", "not a byte was sent")
            chown(path, Strangers.one, Strangers.one)
        }
    }

    @Test("is not asked through a link either, though the link leads to root's own daemon")
    func link() throws {
        let daemon = try Daemon()
        let link = place.file("org.memwatch.Monitor")
        symlink(daemon.socket, link)
        lchown(link, Strangers.one, Strangers.one)
        for uid in [Strangers.other, nil] {
            #expect(try refusal(uid, link).contains("\(link) belongs to uid \(Strangers.one)"))
        }
        // The same with a directory on the way.
        let directory = place.file("memwatch")
        symlink(daemon.directory.path, directory)
        lchown(directory, Strangers.one, Strangers.one)
        for uid in [Strangers.other, nil] {
            #expect(try refusal(uid, directory + "/socket").contains("\(directory) belongs to uid"))
        }
        // Whoever made it may use it, and root's link is everybody's.
        #expect(
            try strangers.run(Strangers.one, "list", socket: directory + "/socket").exit == .status(0))
        let roots = place.file("roots")
        symlink(daemon.socket, roots)
        #expect(try strangers.run(Strangers.other, "list", socket: roots).exit == .status(0))
        #expect(try daemon.run("list").exit == .status(0))
        try daemon.stop()
    }

    @Test("is what root takes a user's own daemon for: it is asked by that user only")
    func usersDaemon() throws {
        let path = place.file("users")
        let forger = try forger(Strangers.one, at: path)
        _ = try refusal(nil, path)
        let own = try Client.start(
            ["list"], socket: path, client: strangers.client, through: Strangers.setpriv(Strangers.one))
        #expect(Int(try forger.nextLine() ?? "") ?? 0 > 0, "asked")
        own.closeInput()
        try own.waitForExit()
    }
}
