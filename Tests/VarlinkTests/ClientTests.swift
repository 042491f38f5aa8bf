import Dispatch
import Glibc
import Synchronization
import Testing

@testable import Varlink
@testable import VarlinkServing

@Suite("The client", .timeLimit(.minutes(10)))
struct ClientTests {
    @Test("says that nothing listens, where there is no socket or a dead one")
    func notListening() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        await #expect(throws: VarlinkClientError.notListening(path: path)) {
            try await AsyncClient.connect(path: path)
        }
        let descriptor = try UnixSocket.make()
        #expect(UnixSocket.withAddress(of: path) { bind(descriptor, $0, $1) } == 0)
        await #expect(throws: VarlinkClientError.notListening(path: path)) {
            try await AsyncClient.connect(path: path)
        }
        _ = Glibc.close(descriptor)
        let file = directory.file("file")
        _ = Glibc.close(open(file, O_CREAT | O_WRONLY, 0o644))
        await #expect(throws: VarlinkClientError.notListening(path: file)) {
            try await AsyncClient.connect(path: file)
        }
        await #expect(throws: VarlinkClientError.notListening(path: file + "/socket")) {
            try await AsyncClient.connect(path: file + "/socket")
        }
    }

    @Test("says that a path is too long or no path")
    func path() async throws {
        let long = "/" + String(repeating: "s", count: 107)
        await #expect(throws: VarlinkClientError.pathTooLong(path: long)) {
            try await AsyncClient.connect(path: long)
        }
        await #expect(throws: VarlinkClientError.pathUnusable) { try await AsyncClient.connect(path: "") }
    }

    @Test("says that it is not permitted", .needsRoot)
    func denied() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            let path = directory.file("socket")
            let listener = try VarlinkListener.bind(path: path, mode: 0o600)
            #expect(setegid(12345) == 0 && seteuid(12345) == 0)
            await #expect(throws: VarlinkClientError.denied(path: path)) {
                try await AsyncClient.connect(path: path)
            }
            #expect(seteuid(0) == 0)
            listener.close()
        }
    }

    @Test("refuses a socket file of another user", .needsRoot)
    func forgedFile() async throws {
        try await withServer { server in
            #expect(chown(server.path, 12345, 12345) == 0)
            await #expect(throws: VarlinkClientError.forgedOwner(path: server.path, uid: 12345)) {
                try await AsyncClient.connect(path: server.path)
            }
            let trusting = try await AsyncClient.connect(
                path: server.path, requireOwner: .rootSelfOr([12345]))
            await trusting.close()
            #expect(try await AsyncClient.connect(path: server.path, requireOwner: .anyone) !== trusting)
        }
    }

    @Test("takes a socket of the service's own user, by that user's name", .needsRoot)
    func serviceUser() async throws {
        let nobody = try #require(getpwnam("nobody")).pointee.pw_uid
        try await withServer { server in
            #expect(chown(server.path, nobody, nobody) == 0)
            let trusting = try await AsyncClient.connect(
                path: server.path, requireOwner: .rootSelfOrUser("nobody"))
            await trusting.close()
            for name in ["daemon", "memwatch-no-such-user", ""] {
                await #expect(throws: VarlinkClientError.forgedOwner(path: server.path, uid: nobody)) {
                    try await AsyncClient.connect(path: server.path, requireOwner: .rootSelfOrUser(name))
                }
            }
        }
    }

    @Test("follows no link that a stranger made, wherever on the way it is", .needsRoot)
    func strangersLink() async throws {
        let directory = try TemporaryDirectory()
        try await withServer { server in
            let link = directory.file("link")
            #expect(symlink(server.path, link) == 0)
            let following = try await AsyncClient.connect(path: link)
            await following.close()
            #expect(lchown(link, 12345, 12345) == 0)
            await #expect(throws: VarlinkClientError.forgedOwner(path: link, uid: 12345)) {
                try await AsyncClient.connect(path: link)
            }
            let above = directory.file("above")
            let slash = try #require(server.path.lastIndex(of: "/"))
            #expect(symlink(String(server.path[..<slash]), above) == 0 && lchown(above, 12345, 12345) == 0)
            await #expect(throws: VarlinkClientError.forgedOwner(path: above, uid: 12345)) {
                try await AsyncClient.connect(path: above + server.path[slash...])
            }
            let careless = try await AsyncClient.connect(path: link, requireOwner: .anyone)
            await careless.close()
        }
    }

    @Test("refuses another user who listens, whomever the file belongs to", .needsRoot)
    func forgedListener() async throws {
        let directory = try TemporaryDirectory()
        #expect(chmod(directory.path, 0o777) == 0)
        let path = directory.file("socket")
        let script = """
            import socket, sys
            s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print('listening', flush=True)
            while True:
                c, _ = s.accept()
                print(len(c.recv(1)), flush=True)
            """
        let forger = try Program([
            "setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "/usr/bin/env", "-i",
            "PATH=/usr/bin:/bin", "python3", "-c", script, path,
        ])
        defer { forger.terminate() }
        #expect(try await onThread { try forger.readLine() } == "listening")
        #expect(chown(path, 0, 0) == 0)
        await #expect(throws: VarlinkClientError.forgedOwner(path: path, uid: 12345)) {
            try await AsyncClient.connect(path: path)
        }
        #expect(try await onThread { try forger.readLine() } == "0", "not a byte was sent")
    }

    @Test("answers each of many threads with its own answer")
    func concurrent() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
                for i in 0..<32 {
                    group.addTask {
                        let text = JSON.string("\(i)")
                        return try await client.call("org.example.test.Echo", ["text": text])["text"] != text
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(wrong == 0)
        }
    }

    @Test("makes a call of another thread wait behind an open stream")
    func behindStream() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let echo = Mutex<Task<JSONObject, any Error>?>(nil)
            let seen = Mutex<[JSONObject]>([])
            try await client.callMore("org.example.test.Count", ["n": 3]) { reply in
                seen.withLock { $0.append(reply.parameters) }
                echo.withLock { echo in
                    if echo == nil {
                        echo = Task { try await client.call("org.example.test.Echo", ["text": "x"]) }
                    }
                }
            }
            #expect(seen.withLock { $0 } == [["i": 1], ["i": 2], ["i": 3]])
            #expect(try await echo.withLock { $0 }?.value == ["text": "x"])
        }
    }

    @Test("reads a stream no faster than it is taken, and gives frames as they came")
    func backPressure() async throws {
        struct Enough: Error {}
        try await withServer { server in
            let client = try await server.connect()
            let (firsts, first) = AsyncStream.makeStream(of: Void.self)
            let isSeen = DispatchSemaphore(value: 0)
            let stream = Task {
                try await client.callMore("org.example.test.Pour") { reply in
                    #expect(reply.continues)
                    #expect(try JSON(parsing: reply.bytes)["parameters"] == .object(reply.parameters))
                    first.yield()
                    isSeen.wait()
                    throw Enough()
                }
            }
            for await _ in firsts { break }
            for _ in 0..<200 { #expect(try await server.answers()) }
            #expect(server.service.poured.load(ordering: .relaxed) < 16)
            // Letting go of it ends the stream: the handler hears that its caller has gone.
            isSeen.signal()
            await #expect(throws: Enough.self) { try await stream.value }
            await #expect(throws: VarlinkClientError.disconnected) {
                try await client.call("org.example.test.Echo", ["text": ""])
            }
        }
    }

    @Test("throws what a stream ends with")
    func streamError() async throws {
        try await withServer { server in
            let client = try await server.connect()
            await #expect(throws: VarlinkError.self) {
                _ = try await client.replies("org.example.test.Refuse")
            }
            #expect(try await client.call("org.example.test.Echo", ["text": "x"]) == ["text": "x"])
        }
    }

    @Test("ends a call from another thread, and the server hears of it")
    func abort() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let task = Task { try await client.call("org.example.test.Wait") }
            var happenings = server.service.happenings.makeAsyncIterator()
            #expect(await happenings.next() == .waiting)
            client.blocking.abort()
            await #expect(throws: VarlinkClientError.disconnected) { try await task.value }
            #expect(await happenings.next() == .cancelled)
        }
    }

    @Test("does not use a descriptor it has closed")
    func closed() async throws {
        try await withServer { server in
            let client = try await server.connect()
            await client.close()
            await client.close()
            await #expect(throws: VarlinkClientError.disconnected) {
                try await client.call("org.example.test.Echo", ["text": ""])
            }
            client.blocking.abort()
        }
    }

    @Test(
        "does not trust a server either",
        arguments: [
            (#"{"parameters":{}"#, "not JSON"), ("[]", "the message is not an object"),
            (#"{"parameters":{},"continues":true}"#, "a stream that was not asked for"),
            (#"{"error":1}"#, "error is not a string"),
            (#"{"parameters":"x"}"#, "parameters are not an object"),
            ("\"" + String(repeating: "x", count: 5_000) + "\"", "it is longer than 4096 bytes"),
            (String(repeating: "[", count: 4_000), "not JSON"), ("out of band", "not JSON"),
        ])
    func hostileServer(reply: String, reason: String) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { _ = Glibc.close(listener) }
        #expect(UnixSocket.withAddress(of: path) { bind(listener, $0, $1) } == 0)
        #expect(listen(listener, 1) == 0)
        let server = Task {
            try await onThread {
                let connection = accept(listener, nil, nil)
                var call = [UInt8](repeating: 0, count: 1_000)
                _ = recv(connection, &call, call.count, 0)
                if reply.first?.isLetter == true {
                    _ = send(connection, "!", 1, Int32(MSG_OOB | MSG_NOSIGNAL))
                }
                let bytes = Array(reply.utf8) + [0]
                _ = send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                while recv(connection, &call, call.count, 0) > 0 {}
                _ = Glibc.close(connection)
            }
        }
        let client = try await AsyncClient.connect(path: path, maximumReplyBytes: 4_096)
        do {
            _ = try await client.call("org.example.test.Echo")
            Issue.record("it was believed")
        } catch VarlinkClientError.malformedReply(let said) {
            #expect(said.contains(reason))
        }
        try await server.value
    }

    @Test("waits for a silent server as long as it was told, while it reads and while it writes")
    func silentServer() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { _ = Glibc.close(listener) }
        #expect(UnixSocket.withAddress(of: path) { bind(listener, $0, $1) } == 0)
        #expect(listen(listener, 2) == 0)
        let patience = Duration.milliseconds(20)
        // The second is more than a socket's buffers hold.
        for text in ["", String(repeating: "x", count: 4 << 20)] {
            try await onThread {
                let client = try VarlinkClient.connect(path: path, patience: patience)
                #expect(throws: VarlinkClientError.silent(patience)) {
                    try client.call("org.example.test.Echo", ["text": .string(text)])
                }
                #expect(throws: VarlinkClientError.self) { try client.call("org.example.test.Echo") }
            }
        }
    }
}
