import Glibc
import Testing

@testable import Varlink
@testable import VarlinkServing

@Suite("A listening socket", .timeLimit(.minutes(10)))
struct ListenerTests {
    /// A socket file that somebody else bound, listening where `alive`.
    private func foreignSocket(at path: String) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        #expect(UnixSocket.withAddress(of: path) { bind(descriptor, $0, $1) } == 0)
        #expect(listen(descriptor, 1) == 0)
        return descriptor
    }

    private func inode(_ path: String) -> UInt64? {
        UnixSocket.status(of: path, followingLinks: false).map { UInt64($0.st_ino) }
    }

    @Test("leaves nothing behind when it closes")
    func close() throws {
        let directory = try TemporaryDirectory()
        let listener = try VarlinkListener.bind(path: directory.file("socket"))
        #expect(directory.contents == ["socket", "socket.lock"])
        listener.close()
        listener.close()
        #expect(directory.contents.isEmpty)
        do { _ = try VarlinkListener.bind(path: directory.file("socket")) }
        #expect(directory.contents.isEmpty, "a listener that is let go of is closed")
    }

    @Test("has exactly the mode it was asked for, whatever the umask", arguments: [0o600, 0o660, 0o666])
    func mode(_ mode: UInt32) throws {
        let directory = try TemporaryDirectory()
        let listener = try VarlinkListener.bind(path: directory.file("socket"), mode: mode)
        let status = try #require(UnixSocket.status(of: directory.file("socket"), followingLinks: false))
        #expect(status.st_mode & 0o7777 == mode)
        listener.close()
    }

    @Test("is refused where another of ours listens, which goes on")
    func twice() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        let first = try VarlinkListener.bind(path: path)
        let before = inode(path)
        #expect(throws: VarlinkListenerError.inUse(path)) { try VarlinkListener.bind(path: path) }
        #expect(inode(path) == before)
        _ = try RawConnection(path)
        first.close()
        try VarlinkListener.bind(path: path).close()
    }

    @Test("is refused where anybody else listens, also when he is too busy to answer")
    func foreign() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        let descriptor = foreignSocket(at: path)
        #expect(throws: VarlinkListenerError.inUse(path)) { try VarlinkListener.bind(path: path) }
        // Its queue of one is full now: connect says EAGAIN.
        var waiting: [Int32] = []
        repeat {
            waiting.append(try UnixSocket.make())
        } while UnixSocket.connect(waiting[waiting.count - 1], to: path) == 0
        #expect(throws: VarlinkListenerError.inUse(path)) { try VarlinkListener.bind(path: path) }
        for descriptor in waiting + [descriptor] { _ = Glibc.close(descriptor) }
        #expect(directory.contents == ["socket"])
    }

    @Test("replaces the socket file of a process that is gone")
    func stale() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        _ = Glibc.close(foreignSocket(at: path))
        let listener = try VarlinkListener.bind(path: path)
        _ = try RawConnection(path)
        listener.close()
        #expect(directory.contents.isEmpty)
    }

    @Test("replaces nothing that is not a socket", arguments: ["file", "directory", "link", "dangling link"])
    func notASocket(_ what: String) throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        let target = directory.file("target")
        var stale: Int32?
        switch what {
        case "file": #expect(Glibc.close(open(path, O_CREAT | O_WRONLY, 0o644)) == 0)
        case "directory": #expect(mkdir(path, 0o755) == 0)
        case "link":
            // Even to a stale socket: the name would be removed, but whose choice was the target?
            stale = foreignSocket(at: target)
            #expect(symlink(target, path) == 0)
        default: #expect(symlink(target, path) == 0)
        }
        if let stale { _ = Glibc.close(stale) }
        let before = (inode(path), inode(target))
        #expect(throws: VarlinkListenerError.notASocket(path)) { try VarlinkListener.bind(path: path) }
        #expect(inode(path) == before.0)
        #expect(inode(target) == before.1)
    }

    @Test("is not tricked by a link at its lock's name")
    func lockLink() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        #expect(symlink(directory.file("target"), path + ".lock") == 0)
        #expect(throws: VarlinkListenerError.notASocket(path + ".lock")) {
            try VarlinkListener.bind(path: path)
        }
        #expect(directory.contents == ["socket.lock"])
    }

    @Test("leaves a socket alone that another put in its place")
    func replaced() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        let listener = try VarlinkListener.bind(path: path)
        #expect(unlink(path) == 0)
        // Taken first, so that the file system cannot give the new socket the old one's inode number.
        let descriptor = foreignSocket(at: directory.file("other"))
        let another = foreignSocket(at: path)
        let before = inode(path)
        listener.close()
        #expect(inode(path) == before)
        _ = Glibc.close(descriptor)
        _ = Glibc.close(another)
    }

    @Test("has a path of at most 107 bytes")
    func length() throws {
        let directory = try TemporaryDirectory()
        let longest = directory.file(String(repeating: "s", count: 106 - directory.path.utf8.count))
        let listener = try VarlinkListener.bind(path: longest)
        _ = try RawConnection(longest)
        listener.close()
        #expect(throws: VarlinkListenerError.pathTooLong(longest + "s")) {
            try VarlinkListener.bind(path: longest + "s")
        }
        #expect(throws: VarlinkListenerError.pathUnusable("")) { try VarlinkListener.bind(path: "") }
        #expect(throws: VarlinkListenerError.pathUnusable("a\0b")) { try VarlinkListener.bind(path: "a\0b") }
        #expect(throws: VarlinkListenerError.self) {
            try VarlinkListener.bind(path: directory.file("no/such/directory"))
        }
        #expect(directory.contents.isEmpty)
    }

    @Test("can be one that a service manager passed on, whose file stays")
    func adopted() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        let listener = try VarlinkListener.adopt(descriptor: foreignSocket(at: path))
        let server = try VarlinkServer(info: testInfo, services: [TestService()])
        let task = Task { try await server.run(listening: [listener]) }
        let client = try await AsyncClient.connect(path: path)
        #expect(try await client.call("org.example.test.Echo", ["text": "x"]) == ["text": "x"])
        task.cancel()
        try await task.value
        #expect(directory.contents == ["socket"])
    }

    @Test("cannot be made of something else")
    func notListening() throws {
        let directory = try TemporaryDirectory()
        let file = open(directory.file("file"), O_CREAT | O_RDWR, 0o600)
        let unbound = try UnixSocket.make()
        let datagram = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        for descriptor in [file, unbound, datagram, -1] {
            #expect(throws: VarlinkListenerError.notAListeningSocket(descriptor: descriptor)) {
                try VarlinkListener.adopt(descriptor: descriptor)
            }
            if descriptor >= 0 { _ = Glibc.close(descriptor) }
        }
    }

    @Test("several serve at once")
    func several() async throws {
        let directory = try TemporaryDirectory()
        let listeners = try ["a", "b"].map { try VarlinkListener.bind(path: directory.file($0)) }
        let server = try VarlinkServer(info: testInfo, services: [TestService()])
        let task = Task { try await server.run(listening: listeners) }
        for name in ["a", "b"] {
            let client = try await AsyncClient.connect(path: directory.file(name))
            #expect(try await client.call("org.example.test.Echo", ["text": "x"]) == ["text": "x"])
        }
        task.cancel()
        try await task.value
        #expect(directory.contents.isEmpty)
    }
}
