import Glibc
import Synchronization
import Testing

@testable import Varlink

@Suite("The client", .timeLimit(.minutes(10)))
struct ClientTests {
    @Test("says that nothing listens, where there is no socket or a dead one")
    func notListening() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        await #expect(throws: VarlinkClientError.notListening(path: path)) {
            try await VarlinkClient.connect(path: path)
        }
        let descriptor = try UnixSocket.make()
        #expect(UnixSocket.withAddress(of: path) { bind(descriptor, $0, $1) } == 0)
        await #expect(throws: VarlinkClientError.notListening(path: path)) {
            try await VarlinkClient.connect(path: path)
        }
        _ = Glibc.close(descriptor)
        let file = directory.file("file")
        _ = Glibc.close(open(file, O_CREAT | O_WRONLY, 0o644))
        await #expect(throws: VarlinkClientError.notListening(path: file)) {
            try await VarlinkClient.connect(path: file)
        }
        await #expect(throws: VarlinkClientError.notListening(path: file + "/socket")) {
            try await VarlinkClient.connect(path: file + "/socket")
        }
    }

    @Test("says that a path is too long or no path")
    func path() async throws {
        let long = "/" + String(repeating: "s", count: 107)
        await #expect(throws: VarlinkClientError.pathTooLong(path: long)) {
            try await VarlinkClient.connect(path: long)
        }
        await #expect(throws: VarlinkClientError.pathUnusable) { try await VarlinkClient.connect(path: "") }
    }

    @Test("says that it is not permitted", .needsRoot)
    func denied() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            let path = directory.file("socket")
            let listener = try VarlinkListener.bind(path: path, mode: 0o600)
            #expect(setegid(12345) == 0 && seteuid(12345) == 0)
            await #expect(throws: VarlinkClientError.denied(path: path)) {
                try await VarlinkClient.connect(path: path)
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
                try await VarlinkClient.connect(path: server.path)
            }
            let trusting = try await VarlinkClient.connect(
                path: server.path, requireOwner: .rootSelfOr([12345]))
            await trusting.close()
            #expect(try await VarlinkClient.connect(path: server.path, requireOwner: .anyone) !== trusting)
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
            try await VarlinkClient.connect(path: path)
        }
        #expect(try await onThread { try forger.readLine() } == "0", "not a byte was sent")
    }

    @Test("answers each of many tasks with its own answer")
    func concurrent() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
                for i in 0..<500 {
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

    @Test("makes a call wait behind an open stream")
    func behindStream() async throws {
        try await withServer { server in
            let client = try await server.connect()
            var stream = client.callMore("org.example.test.Count", ["n": 3]).makeAsyncIterator()
            #expect(try await stream.next()?.parameters == ["i": 1])
            async let echo = client.call("org.example.test.Echo", ["text": "x"])
            #expect(try await stream.next()?.parameters == ["i": 2])
            #expect(try await stream.next()?.parameters == ["i": 3])
            #expect(try await stream.next() == nil)
            #expect(try await echo == ["text": "x"])
        }
    }

    @Test("reads a stream no faster than it is asked for, and gives frames as they came")
    func backPressure() async throws {
        try await withServer { server in
            let client = try await server.connect()
            var stream: VarlinkReplySequence.Iterator? = client.callMore("org.example.test.Pour")
                .makeAsyncIterator()
            let first = try #require(try await stream?.next())
            #expect(first.continues)
            #expect(try JSON(parsing: first.bytes)["parameters"] == .object(first.parameters))
            for _ in 0..<200 { #expect(try await server.answers()) }
            #expect(server.service.poured.load(ordering: .relaxed) < 16)
            // Letting go of it ends the stream: the handler hears that its caller has gone.
            stream = nil
            await #expect(throws: VarlinkClientError.disconnected) {
                try await client.call("org.example.test.Echo", ["text": ""])
            }
        }
    }

    @Test("throws what a stream ends with")
    func streamError() async throws {
        try await withServer { server in
            let client = try await server.connect()
            var stream = client.callMore("org.example.test.Refuse").makeAsyncIterator()
            await #expect(throws: VarlinkError.self) { _ = try await stream.next() }
            #expect(try await stream.next() == nil)
            #expect(try await client.call("org.example.test.Echo", ["text": "x"]) == ["text": "x"])
        }
    }

    @Test("ends a call when its task is cancelled, and the server hears of it")
    func cancellation() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let task = Task { try await client.call("org.example.test.Wait") }
            var happenings = server.service.happenings.makeAsyncIterator()
            #expect(await happenings.next() == .waiting)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(await happenings.next() == .cancelled)
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
        let client = try await VarlinkClient.connect(path: path, maximumReplyBytes: 4_096)
        do {
            _ = try await client.call("org.example.test.Echo")
            Issue.record("it was believed")
        } catch VarlinkClientError.malformedReply(let said) {
            #expect(said.contains(reason))
        }
        try await server.value
    }
}
