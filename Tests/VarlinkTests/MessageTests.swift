import NIOCore
import TestSupport
import Testing

@testable import Varlink
@testable import VarlinkServing

@Suite("Messages and frames")
struct MessageTests {
    @Test("100,000 damaged calls are read or refused, never more than that")
    func damage() throws {
        let service = TestService()
        let router = try CallRouter(info: testInfo, services: [service])
        let calls = [
            #"{"method":"org.example.test.Echo","parameters":{"text":"x","options":{"flags":["a"],"level":-1}}}"#,
            #"{"method":"org.example.test.Count","parameters":{"n":1e3},"more":true,"oneway":false,"upgrade":null}"#,
            #"{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"\ud83d\ude00\u0000"}}"#,
        ].map { Array($0.utf8) }
        var random = Seeded(3)
        var outcomes = (routed: 0, refused: 0, malformed: 0, changed: 0)
        for round in 0..<100_000 {
            let frame = calls[round % calls.count].damaged(using: &random)
            do {
                let message = try CallMessage(parsing: frame, maximumDepth: 64)
                _ = try router.service(for: message)
                outcomes.routed += 1
                // What was understood can be said again, and means the same.
                let again = try CallMessage(parsing: message.serialized().dropLast(), maximumDepth: 64)
                if again.method != message.method || again.parameters != message.parameters {
                    outcomes.changed += 1
                }
            } catch is MalformedMessage {
                outcomes.malformed += 1
            } catch is VarlinkError {
                outcomes.refused += 1
            }
        }
        #expect(outcomes.changed == 0)
        // The damage reaches every depth.
        #expect(outcomes.routed > 1_000 && outcomes.refused > 1_000 && outcomes.malformed > 1_000)
    }

    @Test("frames come out as they went in, however the stream is cut")
    func cutting() throws {
        var random = Seeded(4)
        for _ in 0..<200 {
            let frames: [[UInt8]] = (0..<20).map { _ in
                (0..<Int.random(in: 0...300, using: &random)).map { _ in
                    UInt8.random(in: 1...255, using: &random)
                }
            }
            let stream = [UInt8](frames.map { $0 + [0] }.joined())
            var buffer = FrameBuffer(limit: 300)
            var cut: [[UInt8]] = []
            var index = 0
            while index < stream.count {
                let end = min(stream.count, index + Int.random(in: 1...500, using: &random))
                var piece = ByteBuffer(bytes: stream[index..<end])
                buffer.append(&piece)
                index = end
                while let frame = try buffer.next() { cut.append(frame) }
            }
            #expect(cut == frames)
            #expect(buffer.isEmpty)
        }
    }

    @Test("a client cuts frames as they went in, whatever the kernel gives it at once")
    func reading() throws {
        var random = Seeded(6)
        for _ in 0..<50 {
            // Longer than its first buffer now and then, so that it moves and grows.
            let frames: [[UInt8]] = (0..<20).map { _ in
                let length = Int.random(in: 0...(Bool.random(using: &random) ? 50 : 40_000), using: &random)
                return (0..<length).map { UInt8(truncatingIfNeeded: $0 % 255 + 1) }
            }
            let stream = [UInt8](frames.map { $0 + [0] }.joined())
            var reader = FrameReader(limit: 40_000)
            var cut: [[UInt8]] = []
            var index = 0
            while cut.count < frames.count {
                if let frame = try reader.take({ Array($0) }) {
                    cut.append(frame)
                    continue
                }
                reader.fill { (room) throws(Never) in
                    let count = min(
                        stream.count - index, room.count, Int.random(in: 1...70_000, using: &random))
                    room.copyBytes(from: stream[index..<index + count])
                    index += count
                    return count
                }
            }
            #expect(cut == frames)
        }
    }

    @Test("a frame of exactly the limit passes, one byte more does not, with or without its end")
    func limit() throws {
        var buffer = FrameBuffer(limit: 10)
        var bytes = ByteBuffer(bytes: [UInt8](repeating: 1, count: 10))
        buffer.append(&bytes)
        #expect(try buffer.next() == nil)
        bytes = ByteBuffer(bytes: [0] + [UInt8](repeating: 1, count: 11))
        buffer.append(&bytes)
        #expect(try buffer.next()?.count == 10)
        #expect(throws: FrameBuffer.TooLong.self) { try buffer.next() }
        bytes = ByteBuffer(bytes: [0])
        buffer.append(&bytes)
        #expect(throws: FrameBuffer.TooLong.self) { try buffer.next() }
    }

    @Test("a server cannot be made of descriptions that are wrong, misnamed or twice there")
    func services() {
        struct Odd: VarlinkService {
            let interface: String
            let description: String
            func handle(_ call: VarlinkCall, _ replies: VarlinkReplies) async throws {}
        }
        func server(_ services: any VarlinkService...) throws {
            _ = try VarlinkServer(info: testInfo, services: services)
        }
        #expect(throws: VarlinkServerError.self) {
            try server(Odd(interface: "a.b", description: "interface"))
        }
        #expect(throws: VarlinkServerError.misnamed(interface: "a.b", described: "a.c")) {
            try server(Odd(interface: "a.b", description: "interface a.c"))
        }
        #expect(throws: VarlinkServerError.duplicate(interface: "a.b")) {
            let odd = Odd(interface: "a.b", description: "interface a.b")
            try server(odd, odd)
        }
    }
}

@Suite("What is written as JSON")
struct JSONWriterTests {
    @Test("numbers are written in full, from the smallest to the greatest")
    func numbers() {
        func text(_ body: (inout JSONWriter) -> Void) -> String {
            var writer = JSONWriter()
            body(&writer)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
        var random = Seeded(5)
        var numbers: [UInt64] = [0, 9, 10, 99, 100, 101, 109, 110, 1_000, 1_005, .max, .max - 1]
        for digits in 1...19 {
            let power = (1..<digits).reduce(UInt64(1)) { value, _ in value * 10 }
            numbers += [power, power - 1, power + 1, power * 9]
        }
        for _ in 0..<20_000 {
            let bits = UInt64.random(in: 0..<64, using: &random)
            numbers.append(UInt64.random(in: .min ... .max, using: &random) >> bits)
        }
        for number in numbers {
            #expect(text { $0.value(number) } == "\(number)")
            let signed = Int64(bitPattern: number)
            #expect(text { $0.value(signed) } == "\(signed)")
        }
        #expect(text { $0.value(Int64.min) } == "\(Int64.min)")
        #expect(text { $0.value(Int32(-7)) } == "-7")
        #expect(text { $0.value(UInt32?.none) } == "null")
    }

    @Test("commas stand between members and elements, and nowhere else")
    func commas() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("a")
        writer.value(1)
        writer.key("")
        writer.beginArray()
        writer.value(-2)
        writer.value("x")
        writer.plainString(count: 2) { $0.update(repeating: UInt8(ascii: "y")) }
        writer.null()
        writer.value(30)
        writer.endArray()
        writer.key("b-c")
        writer.plainString(count: 0) { _ in }
        writer.endObject()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self) == #"{"a":1,"":[-2,"x","yy",null,30],"b-c":""}"#)
    }
}
