import Synchronization

@testable import Varlink
@testable import VarlinkServing

/// An interface with a method for every kind of behaviour.
final class TestService: VarlinkService {
    enum Happening: Hashable, Sendable {
        case noted(String)
        case waiting
        case cancelled
    }

    let interface = "org.example.test"
    let description = """
        # Everything a test needs.
        interface org.example.test

        type Options (flags: []string, level: ?int)

        # Says it again.
        method Echo(text: string, options: ?Options) -> (text: string)
        # 1 to n.
        method Count(n: int) -> (i: int)
        # Replies of 64 KiB without an end.
        method Pour() -> (water: string)
        # Never answers.
        method Wait() -> ()
        # Answers when Release is called.
        method Hold() -> ()
        method Release() -> ()
        method Note(text: string) -> ()
        method WhoAmI() -> (pid: int, uid: int, gid: int, groups: []int)
        method Fail() -> ()
        method Refuse() -> ()
        method Big(bytes: int) -> (text: string)
        # Two last replies.
        method Twice() -> ()

        error Refused (reason: string)
        """

    let happenings: AsyncStream<Happening>
    private let tell: AsyncStream<Happening>.Continuation
    let poured = Atomic(0)
    private let release: AsyncStream<Void>
    private let releaseContinuation: AsyncStream<Void>.Continuation

    init() {
        (happenings, tell) = AsyncStream.makeStream()
        (release, releaseContinuation) = AsyncStream.makeStream()
    }

    /// Lets one `Hold` return.
    func letGo() { releaseContinuation.yield() }

    func handle(_ call: VarlinkCall, _ replies: VarlinkReplies) async throws {
        switch call.member {
        case "Echo":
            try await replies.send(["text": call.parameters["text"] ?? .null] as JSONObject)
        case "Count":
            let count = call.parameters["n"]?.integerValue ?? 0
            for i in 1..<max(1, count) { try await replies.sendMore(["i": .integer(i)] as JSONObject) }
            try await replies.send(["i": .integer(count)] as JSONObject)
        case "Pour":
            let water = String(repeating: "~", count: 64 << 10)
            while true {
                try await replies.sendMore(["water": .string(water)] as JSONObject)
                poured.wrappingAdd(1, ordering: .relaxed)
            }
        case "Wait":
            tell.yield(.waiting)
            do { try await Task.sleep(for: .seconds(86_400)) } catch {
                tell.yield(.cancelled)
                throw error
            }
        case "Hold":
            tell.yield(.waiting)
            for await _ in release { break }
        case "Release": letGo()
        case "Note":
            // A call that was cancelled before it ran would not be noted.
            try Task.checkCancellation()
            tell.yield(.noted(call.parameters["text"]?.stringValue ?? ""))
        case "WhoAmI":
            let peer = call.peer
            try await replies.send(
                [
                    "pid": .integer(Int64(peer.pid)), "uid": .integer(Int64(peer.uid)),
                    "gid": .integer(Int64(peer.gid)),
                    "groups": .array(peer.groups.map { .integer(Int64($0)) }),
                ] as JSONObject)
        case "Fail": throw TestFailure("on purpose")
        case "Refuse": throw VarlinkError("org.example.test.Refused", ["reason": "on purpose"])
        case "Big":
            let count = Int(call.parameters["bytes"]?.integerValue ?? 0)
            try await replies.send(["text": .string(String(repeating: "x", count: count))] as JSONObject)
        case "Twice":
            try await replies.send(JSONObject())
            try await replies.send(JSONObject())
        default: throw VarlinkError.methodNotImplemented(call.method)
        }
    }
}
