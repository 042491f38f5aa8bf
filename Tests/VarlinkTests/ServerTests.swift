import Glibc
import Testing

@testable import Varlink
@testable import VarlinkServing

@Suite("The server", .timeLimit(.minutes(10)))
struct ServerTests {
    @Test("answers a call")
    func echo() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let reply = try await client.call("org.example.test.Echo", ["text": "hällo \0 \u{1b}"])
            #expect(reply == ["text": "hällo \0 \u{1b}"])
        }
    }

    @Test("answers calls that are sent all at once, in their order")
    func pipelined() async throws {
        try await withServer { server in
            let raw = try await server.raw()
            let count = 5_000
            let writer = Task {
                try await onThread {
                    for i in 0..<count {
                        raw.send(#"{"method":"org.example.test.Echo","parameters":{"text":"\#(i)"}}"#)
                    }
                    raw.endInput()
                }
            }
            let replies = try await onThread { try raw.framesUntilClosed() }
            try await writer.value
            #expect(replies == (0..<count).map { #"{"parameters":{"text":"\#($0)"}}"# })
        }
    }

    @Test("sends a stream to who asks for one, and refuses it to who does not")
    func streams() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let replies = try await client.replies("org.example.test.Count", ["n": 100])
            #expect(replies.map { $0.parameters["i"]?.integerValue } == (1...100).map { Int64($0) })
            #expect(replies.map(\.continues) == (1...100).map { $0 < 100 })
            await #expect(throws: VarlinkError.expectedMore) {
                try await client.call("org.example.test.Count", ["n": 100])
            }
            #expect(try await client.call("org.example.test.Count", ["n": 1]) == ["i": 1])
        }
    }

    @Test("gives no reply to a oneway call, also where it fails")
    func oneway() async throws {
        try await withServer { server in
            let client = try await server.connect()
            try await client.callOneway("org.example.test.Note", ["text": "a"])
            try await client.callOneway("org.example.test.NoSuchMethod")
            try await client.callOneway("org.example.test.Refuse")
            try await client.callOneway("org.example.test.Echo", ["text": "b"])
            #expect(try await client.call("org.example.test.Echo", ["text": "c"]) == ["text": "c"])
            #expect(await server.service.happenings.first { _ in true } == .noted("a"))
        }
    }

    @Test("runs every oneway call of a client that closes right behind them")
    func onewayAndClose() async throws {
        try await withServer { server in
            let raw = try await server.raw()
            for i in 1...50 {
                raw.send(#"{"method":"org.example.test.Note","parameters":{"text":"\#(i)"},"oneway":true}"#)
            }
            raw.close()
            var notes: [TestService.Happening] = []
            for await happening in server.service.happenings {
                notes.append(happening)
                if notes.count == 50 { break }
            }
            #expect(notes == (1...50).map { .noted("\($0)") })
        }
    }

    @Test("cancels the handler of a caller who disconnects")
    func disconnect() async throws {
        try await withServer { server in
            let raw = try await server.raw()
            raw.send(#"{"method":"org.example.test.Wait"}"#)
            var happenings = server.service.happenings.makeAsyncIterator()
            #expect(await happenings.next() == .waiting)
            raw.close()
            #expect(await happenings.next() == .cancelled)
        }
    }

    @Test("goes on answering a caller who only has nothing more to say")
    func halfClosed() async throws {
        try await withServer { server in
            let raw = try await server.raw()
            raw.send(#"{"method":"org.example.test.Count","parameters":{"n":3},"more":true}"#)
            raw.endInput()
            let frames = try await onThread { try raw.framesUntilClosed() }
            #expect(
                frames == [
                    #"{"parameters":{"i":1},"continues":true}"#, #"{"parameters":{"i":2},"continues":true}"#,
                    #"{"parameters":{"i":3}}"#,
                ])
        }
    }

    @Test("knows who calls, from the kernel")
    func credentials() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let reply = try await client.call("org.example.test.WhoAmI")
            #expect(reply["pid"] == .integer(Int64(getpid())))
            #expect(reply["uid"] == .integer(Int64(geteuid())))
            #expect(reply["gid"] == .integer(Int64(getegid())))
            var groups = [gid_t](repeating: 0, count: 65_536)
            let count = getgroups(Int32(groups.count), &groups)
            #expect(reply["groups"] == .array(groups.prefix(Int(count)).map { .integer(Int64($0)) }))
        }
    }

    @Test(
        "refuses a call that does not fit the interface's description",
        arguments: [
            ("org.example.nowhere.Echo", "{}", VarlinkError.interfaceNotFound("org.example.nowhere")),
            ("Echo", "{}", .interfaceNotFound("Echo")),
            ("org.example.test.echo", "{}", .methodNotFound("org.example.test.echo")),
            ("org.example.test.", "{}", .methodNotFound("org.example.test.")),
            ("org.example.test.Echo", "{}", .invalidParameter("text")),
            ("org.example.test.Echo", #"{"text":null}"#, .invalidParameter("text")),
            ("org.example.test.Echo", #"{"text":1}"#, .invalidParameter("text")),
            ("org.example.test.Echo", #"{"text":"","tetx":""}"#, .invalidParameter("tetx")),
            ("org.example.test.Echo", #"{"text":"","options":{}}"#, .invalidParameter("options.flags")),
            (
                "org.example.test.Echo", #"{"text":"","options":{"flags":["a",2]}}"#,
                .invalidParameter("options.flags[1]")
            ),
            (
                "org.example.test.Echo", #"{"text":"","options":{"flags":[],"level":"high"}}"#,
                .invalidParameter("options.level")
            ),
        ])
    func description(method: String, parameters: String, error: VarlinkError) async throws {
        try await withServer { server in
            let client = try await server.connect()
            let object = try #require(try JSON(parsing: parameters).objectValue)
            await #expect(throws: error) { try await client.call(method, object) }
            #expect(try await client.call("org.example.test.Echo", ["text": "on"]) == ["text": "on"])
        }
    }

    @Test("tells the caller of an error, and the log of a failure")
    func errors() async throws {
        try await withServer { server in
            let client = try await server.connect()
            await #expect(throws: VarlinkError("org.example.test.Refused", ["reason": "on purpose"])) {
                try await client.call("org.example.test.Refuse")
            }
            await #expect(throws: VarlinkError.internalError) {
                try await client.call("org.example.test.Fail")
            }
            guard
                case .handlerFailed(let method, let peer, let error) = await server.events.first(where: { _ in
                    true
                })
            else { throw TestFailure("another event") }
            #expect(method == "org.example.test.Fail")
            #expect(peer.pid == getpid())
            #expect("\(error)" == "on purpose")
            // A handler that answers twice is told so, and its caller hears only the first answer.
            #expect(try await client.call("org.example.test.Twice") == [:])
            #expect(try await client.call("org.example.test.Echo", ["text": "on"]) == ["text": "on"])
        }
    }

    @Test("describes itself")
    func introspection() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let info = try await client.call("org.varlink.service.GetInfo")
            #expect(info["vendor"] == "memwatch")
            #expect(info["interfaces"] == ["org.varlink.service", "org.example.test"])
            let text = try await client.call(
                "org.varlink.service.GetInterfaceDescription", ["interface": "org.example.test"])
            #expect(text["description"] == .string(server.service.description))
            let own = try await client.call(
                "org.varlink.service.GetInterfaceDescription", ["interface": "org.varlink.service"])
            let parsed = try InterfaceDescription(parsing: own["description"]?.stringValue ?? "")
            #expect(parsed.methods.map(\.name) == ["GetInfo", "GetInterfaceDescription"])
            await #expect(throws: VarlinkError.interfaceNotFound("org.example.no")) {
                try await client.call(
                    "org.varlink.service.GetInterfaceDescription", ["interface": "org.example.no"])
            }
        }
    }

    @Test("when it stops, finishes the call in progress, ends streams and removes its socket")
    func stop() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        let service = TestService()
        var limits = VarlinkLimits()
        limits.stopDeadline = .seconds(60)
        let server = try VarlinkServer(info: testInfo, services: [service], limits: limits)
        let listener = try VarlinkListener.bind(path: path)
        let task = Task { try await server.run(listening: [listener]) }
        let (holding, streaming, idle) = (
            try await AsyncClient.connect(path: path), try await AsyncClient.connect(path: path),
            try await AsyncClient.connect(path: path)
        )
        async let held = holding.call("org.example.test.Hold")
        var happenings = service.happenings.makeAsyncIterator()
        #expect(await happenings.next() == .waiting)
        let streamEnd = Task {
            _ = await #expect(throws: VarlinkClientError.disconnected) {
                _ = try await streaming.replies("org.example.test.Wait")
            }
        }
        #expect(await happenings.next() == .waiting)
        task.cancel()
        #expect(await happenings.next() == .cancelled)
        await streamEnd.value
        service.letGo()
        #expect(try await held == [:])
        try await task.value
        #expect(directory.contents.isEmpty)
        await #expect(throws: VarlinkClientError.disconnected) {
            try await idle.call("org.example.test.Echo", ["text": ""])
        }
    }
}
