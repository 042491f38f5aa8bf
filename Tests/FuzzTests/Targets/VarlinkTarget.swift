import MemwatchInterface
import NIOCore

@testable import Varlink
@testable import VarlinkServing

/// What comes through the socket, on both sides: bytes cut into frames, frames read as JSON, as calls, as replies.
enum VarlinkTarget {
    static func check(_ stream: UnsafeRawBufferPointer) throws(Violation) -> Bool {
        let (frames, isTooLong) = plainFrames(stream)
        // Mostly in a few pieces, sometimes byte by byte.
        let choice = Int(truncatingIfNeeded: stream.fingerprint >> 8)
        let step = choice & 63 == 0 ? 1 : 16 + (choice >> 8) & 511
        try FrameCutting.checkServer(stream, step, frames, isTooLong, limit: frameLimit)
        try FrameCutting.checkClient(stream, step, frames, isTooLong, limit: frameLimit)
        var taken = 0
        for frame in frames {
            let isCall = try stream.withCopy(of: frame) { (frame) throws(Violation) in try check(frame: frame)
            }
            if isCall { taken += 1 }
        }
        // Most inputs are one frame without its NUL.
        if frames.isEmpty, try check(frame: stream) { taken += 1 }
        return taken > 0
    }

    private static let frameLimit = 600

    /// Where the frames are, up to the first that is too long.
    private static func plainFrames(_ stream: UnsafeRawBufferPointer) -> ([Range<Int>], isTooLong: Bool) {
        var frames: [Range<Int>] = []
        var start = 0
        while let end = stream.first(0, in: start..<stream.count) {
            if end - start > frameLimit { return (frames, true) }
            frames.append(start..<end)
            start = end + 1
        }
        return (frames, stream.count - start > frameLimit)
    }

    /// - Returns: Whether it is a call.
    private static func check(frame: UnsafeRawBufferPointer) throws(Violation) -> Bool {
        let json = try? JSON(parsing: frame)
        try JSONReading.check(frame, json)
        try ReplyReading.check(frame, json)
        return try CallReading.check(Array(frame), json)
    }
}

/// The server's and the client's way of cutting a stream into frames.
private enum FrameCutting {
    static func checkServer(
        _ stream: UnsafeRawBufferPointer, _ step: Int, _ frames: [Range<Int>], _ isTooLong: Bool, limit: Int
    ) throws(Violation) {
        var buffer = FrameBuffer(limit: limit)
        var found = 0
        var start = 0
        while start < stream.count {
            let end = min(stream.count, start + step)
            var piece = ByteBuffer(bytes: stream[start..<end])
            start = end
            buffer.append(&piece)
            do throws(FrameBuffer.TooLong) {
                while let frame = try buffer.next() {
                    let isExpected =
                        found < frames.count
                        && frame.withUnsafeBytes { $0.isSame(as: stream.part(frames[found])) }
                    found += 1
                    if !isExpected { throw FrameBuffer.TooLong(limit: -1) }
                }
            } catch {
                try mustHold(error.limit == limit, "the server cut frame \(found) otherwise")
                return try mustHold(
                    isTooLong && found == frames.count, "no frame of the server's is too long")
            }
        }
        try mustHold(found == frames.count && !isTooLong, "the server cut \(found) frames of \(frames.count)")
    }

    static func checkClient(
        _ stream: UnsafeRawBufferPointer, _ step: Int, _ frames: [Range<Int>], _ isTooLong: Bool, limit: Int
    ) throws(Violation) {
        var reader = FrameReader(limit: limit)
        var found = 0
        var start = 0
        do {
            while start < stream.count {
                reader.fill { (room) throws(Never) in
                    let end = min(stream.count, start + min(step, room.count))
                    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: stream[start..<end]))
                    defer { start = end }
                    return end - start
                }
                while let isExpected = try reader.take({
                    found < frames.count && $0.isSame(as: stream.part(frames[found]))
                }) {
                    if !isExpected { throw Violation("the client cut frame \(found) otherwise") }
                    found += 1
                }
            }
        } catch {
            if let violation = error as? Violation { throw violation }
            return try mustHold(isTooLong && found == frames.count, "no frame of the client's is too long")
        }
        try mustHold(found == frames.count && !isTooLong, "the client cut \(found) frames of \(frames.count)")
    }
}

/// The parser, the scanner and the writer of JSON, each against the others.
private enum JSONReading {
    static func check(_ frame: UnsafeRawBufferPointer, _ json: JSON?) throws(Violation) {
        try mustHold(scans(frame) == (json != nil), "parser and scanner disagree: \(json as Any)")
        guard let json else { return }
        let text = json.serialized()
        let again = text.withUnsafeBytes { try? JSON(parsing: $0) }
        try mustHold(
            again?.serialized() == text, "\(json.jsonText) reads back as \(again?.jsonText ?? "nothing")")
        try mustHold(text.allSatisfy { $0 >= 0x20 && $0 != 0x7f }, "control characters in \(text)")
    }

    /// As an element of an array, so that any value can stand there.
    private static func scans(_ frame: UnsafeRawBufferPointer) -> Bool {
        let array = [UInt8(ascii: "[")] + frame + [UInt8(ascii: "]")]
        return array.withUnsafeBytes { bytes in
            var count = 0
            var scanner = JSONScanner(bytes, maximumDepth: 65)
            do {
                try scanner.forEachElement { (_) throws(Never) in count += 1 }
                try scanner.end()
                return count == 1
            } catch { return false }
        }
    }
}

private enum CallReading {
    private static let monitor = try? InterfaceDescription(parsing: MonitorInterface.description)

    static func check(_ frame: [UInt8], _ json: JSON?) throws(Violation) -> Bool {
        let call = try? CallMessage(parsing: frame, maximumDepth: 64)
        // Beside what is JSON, a call must be quick to compare.
        let json = mayHaveMarks(frame) ? try? JSON(parsing: frame, limitsMarks: true) : json
        try mustHold((call != nil) == isCall(json), "\(call as Any) of \(json?.jsonText ?? "no JSON")")
        guard let call else { return false }
        let written = call.serialized()
        let again = try? CallMessage(parsing: written.dropLast(), maximumDepth: 64)
        try mustHold(
            again?.method == call.method && again?.more == call.more && again?.oneway == call.oneway
                && again?.upgrade == call.upgrade
                && again?.parameters.serialized() == call.parameters.serialized(),
            "\(call) reads back as \(again as Any)")
        try checkAgainstInterface(call)
        return true
    }

    /// Combining marks are outside ASCII, as themselves or behind a backslash.
    private static func mayHaveMarks(_ frame: [UInt8]) -> Bool {
        frame.reduce(0, |) >= 0x80
            || frame.withUnsafeBytes { $0.first(UInt8(ascii: "\\"), in: 0..<$0.count) } != nil
    }

    private static func isCall(_ json: JSON?) -> Bool {
        guard case .object(let message)? = json, message["method"]?.stringValue != nil else { return false }
        switch message["parameters"] {
        case .object, .null, nil: break
        default: return false
        }
        for flag in ["more", "oneway", "upgrade"] {
            if let value = message[flag], !value.isNull, value.boolValue == nil { return false }
        }
        return !(message["oneway"]?.boolValue == true && message["more"]?.boolValue == true)
    }

    /// What passes has all that the method demands, and nothing that it does not know.
    private static func checkAgainstInterface(_ call: CallMessage) throws(Violation) {
        guard let monitor else { throw Violation("the interface's own description does not parse") }
        for method in monitor.methods where call.method.hasSuffix("." + method.name) {
            guard monitor.firstMismatch(in: call.parameters, with: method.input) == nil else { continue }
            for (name, _) in call.parameters {
                try mustHold(method.input.contains { $0.name == name }, "\(name) is no parameter")
            }
            for field in method.input {
                if case .nullable = field.type { continue }
                try mustHold(call.parameters[field.name]?.isNull == false, "\(field.name) is missing")
            }
        }
    }
}

private enum ReplyReading {
    static func check(_ frame: UnsafeRawBufferPointer, _ json: JSON?) throws(Violation) {
        do {
            let reply = try VarlinkReply(frame: frame, maximumDepth: 64)
            try mustHold(json?.objectValue != nil, "a reply of \(json?.jsonText ?? "no JSON")")
            try mustHold(reply.continues == (json?["continues"]?.boolValue ?? false), "it continues or not")
            let parameters = json?["parameters"]?.objectValue ?? JSONObject()
            try mustHold(
                reply.parameters.serialized() == parameters.serialized(),
                "\(reply.parameters.jsonText), not \(parameters.jsonText)")
            let events = reply["events"]?.serialized()
            try mustHold(events == parameters["events"]?.serialized(), "a member is another")
        } catch let violation as Violation {
            throw violation
        } catch let error as VarlinkError {
            try mustHold(json?["error"]?.stringValue == error.name, "another error than \(error)")
        } catch {
            // Refused, and the reason said.
        }
    }
}
