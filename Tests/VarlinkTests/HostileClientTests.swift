import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Varlink
@testable import VarlinkServing

@Suite("Whatever one client does, the others are answered", .timeLimit(.minutes(10)))
struct HostileClientTests {
    @Test("a reader that stops holds up only its own stream")
    func stoppedReader() async throws {
        try await withServer { server in
            let raw = try await server.raw()
            raw.send(#"{"method":"org.example.test.Pour","more":true}"#)
            for _ in 0..<300 { #expect(try await server.answers()) }
            // The kernel takes what fits the socket's buffer, less than 512 KiB; of 300 rounds of
            // others the handler would have used some to go on if nothing had held it.
            let poured = server.service.poured.load(ordering: .relaxed)
            #expect(poured > 0)
            #expect(poured < 8)
            // When the reader goes on, so does the stream.
            for _ in 0..<100 {
                let length = try await onThread { try raw.frame()?.utf8.count ?? 0 }
                #expect(length > 64 << 10)
            }
            #expect(server.service.poured.load(ordering: .relaxed) >= 99)
        }
    }

    @Test("a reader that stays away is cut off, and its handler hears of it")
    func slowReader() async throws {
        try await withServer {
            $0.slowReaderDeadline = .milliseconds(50)
        } _: { server in
            let raw = try await server.raw()
            raw.send(#"{"method":"org.example.test.Pour","more":true}"#)
            #expect(await server.nextDrop() == "it does not read its replies")
            let frames = try await onThread { try raw.framesUntilClosed() }
            #expect(!frames.isEmpty)
            #expect(try await server.answers())
        }
    }

    @Test("replies that nobody takes are bounded for all of a user's connections together")
    func untakenReplies() async throws {
        try await withServer {
            $0.outgoingBytesPerUser = 12 << 20
        } _: { server in
            var connections: [RawConnection] = []
            for _ in 0..<3 {
                let raw = try await server.raw()
                raw.send(#"{"method":"org.example.test.Big","parameters":{"bytes":5000000}}"#)
                connections.append(raw)
            }
            #expect(await server.nextDrop() == "its user leaves too many replies unread")
            let all = connections
            let sizes = try await onThread {
                try all.map { try $0.framesReadyThenClose() }
            }
            #expect(sizes.filter { $0 > 5_000_000 }.count == 2)
            #expect(try await server.answers())
        }
    }

    @Test("a reply that is too long is an error for the caller and a line in the log")
    func longReply() async throws {
        try await withServer {
            $0.maximumReplyBytes = 1000
        } _: { server in
            let client = try await server.connect()
            await #expect(throws: VarlinkError.internalError) {
                try await client.call("org.example.test.Big", ["bytes": 1000])
            }
            #expect(try await client.call("org.example.test.Big", ["bytes": 10]) == ["text": "xxxxxxxxxx"])
        }
    }

    @Test("half a call is waited for only so long")
    func halfFrame() async throws {
        try await withServer {
            $0.frameDeadline = .milliseconds(50)
        } _: { server in
            let raw = try await server.raw()
            raw.send(Array(#"{"method":"org.exam"#.utf8))
            #expect(await server.nextDrop() == "the rest of a call did not come")
            #expect(try await onThread { try raw.framesUntilClosed() } == [])
            #expect(try await server.answers())
        }
    }

    @Test("a call in two halves is a call")
    func twoHalves() async throws {
        try await withServer { server in
            let raw = try await server.raw()
            raw.send(Array(#"{"method":"org.exam"#.utf8))
            #expect(try await server.answers())
            raw.send(#"ple.test.Echo","parameters":{"text":"x"}}"#)
            #expect(try await onThread { try raw.frame() } == #"{"parameters":{"text":"x"}}"#)
        }
    }

    @Test("a connection without calls is closed after a time")
    func idle() async throws {
        try await withServer {
            $0.idleDeadline = .milliseconds(50)
        } _: { server in
            let raw = try await server.raw()
            #expect(await server.nextDrop() == "it was idle")
            #expect(try await onThread { try raw.framesUntilClosed() } == [])
        }
    }

    @Test("a call of 10 MB is answered with one line, and the connection closed")
    func longFrame() async throws {
        try await withServer { server in
            let raw = try await server.raw()
            let frames = try await onThread {
                raw.send([UInt8](repeating: UInt8(ascii: "a"), count: 10 << 20))
                return try raw.framesUntilClosed()
            }
            #expect(frames.count == 1)
            #expect(frames.first?.contains("org.varlink.service.InvalidParameter") == true)
            #expect(await server.nextDrop() == "a call of more than 65536 bytes")
            #expect(try await server.answers())
        }
    }

    @Test(
        "what is no call ends the connection",
        arguments: [
            "", "x", "{", "[]", "null", #"{"method":1}"#, #"{"method":"a.B","parameters":[]}"#,
            #"{"method":"a.B","more":1}"#, #"{"method":"a.B","more":true,"oneway":true}"#,
            #"{"method":"a.B"} {}"#, "{\"method\":\"\u{1}\"}",
            #"{"method":"a.B","parameters":{"a":"# + String(repeating: "[", count: 100_000),
            #"{"method":"a.B","parameters":"# + String(repeating: #"{"a":"#, count: 100_000),
        ])
    func garbage(_ text: String) async throws {
        try await withServer {
            // So that the deepest are read, and not only too long.
            $0.maximumFrameBytes = 1 << 20
        } _: { server in
            let raw = try await server.raw()
            let frames = try await onThread {
                raw.send(text)
                raw.send(#"{"method":"org.example.test.Echo","parameters":{"text":"x"}}"#)
                return try raw.framesUntilClosed()
            }
            #expect(frames.count == 1)
            #expect(frames.first?.contains("org.varlink.service.InvalidParameter") == true)
            #expect(await server.nextDrop()?.hasPrefix("not a Varlink call: ") == true)
            #expect(try await server.answers())
        }
    }

    @Test("what would take long to compare is no call: 31 combining marks in a row")
    func combiningMarks() async throws {
        try await withServer { server in
            let client = try await server.connect()
            let thirty = String(repeating: "\u{301}\u{316}", count: 15)
            #expect(
                try await client.call("org.example.test.Echo", ["text": .string("a" + thirty)]) == [
                    "text": .string("a" + thirty)
                ])
            let calls = [
                #"{"method":"MARKS.x"}"#, #"{"method":"org.example.test.Echo","MARKS":1}"#,
                #"{"method":"org.example.test.Echo","parameters":{"text":"MARKS"}}"#,
            ]
            // As the bytes they are, and as escapes.
            for marks in ["\u{301}\u{316}", #"\u0301\u0316"#] {
                for call in calls {
                    let parts = call.split(separator: "MARKS", omittingEmptySubsequences: false)
                    let raw = try await server.raw()
                    raw.send(parts.joined(separator: String(repeating: marks, count: 5_000)))
                    let frames = try await onThread { try raw.framesUntilClosed() }
                    #expect(frames.count == 1)
                    let reason = await server.nextDrop()
                    #expect(reason?.hasSuffix("a string has too many combining marks") == true)
                }
            }
            #expect(try await server.answers())
        }
    }

    @Test("of a user's long calls one is read at a time, and all are answered")
    func longCalls() async throws {
        try await withServer { server in
            let text = String(repeating: "x", count: 60_000)
            let answers = try await onThread {
                let open = try (0..<60).map { _ in try RawConnection(server.path) }
                for raw in open {
                    raw.send(#"{"method":"org.example.test.Echo","parameters":{"text":"\#(text)"}}"#)
                }
                // Some send a damaged one behind it, some do not wait for their answer.
                for raw in open.prefix(20) { raw.send(#"{"method":"\#(text)"#) }
                for raw in open.suffix(20) { raw.close() }
                return try open.prefix(40).count { try $0.frame()?.utf8.count == text.utf8.count + 26 }
            }
            #expect(answers == 40)
            #expect(try await server.answers())
        }
    }

    @Test("a byte out of band is a byte like any other, and not an alarm that nobody can clear")
    func urgentByte() async throws {
        try await withServer { server in
            let raw = try await server.raw()
            guard raw.sendUrgent(UInt8(ascii: "{")) else { return }
            #expect(try await server.answers())
            raw.send(#""method":"org.example.test.Echo","parameters":{"text":"x"}}"#)
            #expect(try await onThread { try raw.frame() } == #"{"parameters":{"text":"x"}}"#)
        }
    }

    @Test("2,000 connections full of damaged calls change nothing for the others")
    func damagedFrames() async throws {
        try await withServer { server in
            let seed: [UInt8] = Array(
                #"{"method":"org.example.test.Echo","parameters":{"text":"x","options":{"flags":["a"],"level":-1}}}"#
                    .utf8)
            try await onThread {
                var random = Seeded(1)
                for _ in 0..<2_000 {
                    let raw = try RawConnection(server.path)
                    for _ in 0..<5 { raw.send(seed.damaged(using: &random) + [0]) }
                    raw.endInput()
                    _ = try raw.framesUntilClosed()
                }
            }
            #expect(try await server.answers())
        }
    }

    @Test("connections over the limit are closed at once, and a place that becomes free is given again")
    func connectionLimit() async throws {
        try await withServer {
            $0.connections = 256
            $0.connectionsPerUser = 1000
            $0.connectionsReservedForRoot = 0
        } _: { server in
            let held = try await onThread {
                var held: [RawConnection] = []
                for _ in 0..<300 {
                    let raw = try RawConnection(server.path)
                    raw.send(#"{"method":"org.example.test.Echo","parameters":{"text":"x"}}"#)
                    if try raw.frame() != nil { held.append(raw) }
                }
                return held
            }
            #expect(held.count == 256)
            held[0].close()
            try await untilAdmitted(server)
            for raw in held { raw.close() }
        }
    }

    @Test("root is answered when others have taken all places")
    func rootReserve() async throws {
        try await withServer {
            $0.connections = 0
            $0.connectionsReservedForRoot = 1
        } _: { server in
            let isAnswered = (try? await server.answers()) == true
            #expect(isAnswered == (geteuid() == 0))
        }
    }

    @Test("one user's connections leave room for another's", .needsRoot)
    func userLimit() async throws {
        try await withServer {
            $0.connectionsPerUser = 4
        } _: { server in
            let held = try await onThread {
                var held: [RawConnection] = []
                for _ in 0..<6 {
                    let raw = try RawConnection(server.path)
                    raw.send(#"{"method":"org.example.test.WhoAmI"}"#)
                    if try raw.frame() != nil { held.append(raw) }
                }
                return held
            }
            #expect(held.count == 4)
            let script = """
                import socket, sys
                s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
                s.sendall(b'{"method":"org.example.test.WhoAmI"}\\0')
                print(s.recv(65536).decode().strip('\\0'))
                """
            let other = try await onThread {
                try run([
                    "setpriv", "--reuid=12345", "--regid=12346", "--groups=7,8", "/usr/bin/env", "-i",
                    "PATH=/usr/bin:/bin", "python3", "-c", script, server.path,
                ])
            }
            let who = try JSON(parsing: other.output)["parameters"]
            #expect(who?["uid"] == 12345)
            #expect(who?["gid"] == 12346)
            #expect(who?["groups"] == [7, 8])
            for raw in held { raw.close() }
        }
    }

    @Test("1,000 connections at once: those within the limits are answered, the others closed")
    func thousandConnections() async throws {
        try await withServer { server in
            let answered = try await onThread {
                var open: [RawConnection] = []
                for _ in 0..<1_000 { open.append(try RawConnection(server.path)) }
                for raw in open { raw.send(#"{"method":"org.example.test.Echo","parameters":{"text":"x"}}"#) }
                var answered = 0
                for raw in open where try raw.frame() != nil { answered += 1 }
                return answered
            }
            #expect(answered == 64)
            try await untilAdmitted(server)
        }
    }

    /// The server learns of closed connections when it next looks; there is no event for that here.
    private func untilAdmitted(_ server: RunningServer) async throws {
        while true {
            do {
                if try await server.answers() { return }
            } catch VarlinkClientError.disconnected {
                await Task.yield()
            }
        }
    }
}

extension RawConnection {
    /// The length of the first frame, 0 where the server has closed before it.
    fileprivate func framesReadyThenClose() throws -> Int { try frame()?.utf8.count ?? 0 }
}
