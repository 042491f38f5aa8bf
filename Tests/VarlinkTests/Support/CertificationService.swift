import Synchronization

@testable import Varlink
@testable import VarlinkServing

/// `org.varlink.certification`, the server's side: hands every client the values it must send
/// back in its next call, and compares the call with what it should be, to the letter.
final class CertificationService: VarlinkService {
    let interface = "org.varlink.certification"
    /// The text as the Python package has it, so that both speak of the same interface.
    let description: String

    private struct State {
        var lastClient = 0
        var nextMethods: [String: String] = [:]
    }
    private let state = Mutex(State())

    init(description: String) { self.description = description }

    func handle(_ call: VarlinkCall, _ replies: VarlinkReplies) async throws {
        let member = String(call.member)
        if member == "Start" {
            try check(call, wants: CallMessage(method: call.method, parameters: [:]))
            let client = state.withLock { state in
                state.lastClient += 1
                state.nextMethods["client \(state.lastClient)"] = "Test01"
                return "client \(state.lastClient)"
            }
            return try await replies.send(["client_id": .string(client)] as JSONObject)
        }
        guard let step = Certification.steps.first(where: { $0.method == member }) else {
            throw VarlinkError.methodNotImplemented(call.method)
        }
        let client = call.parameters["client_id"]?.stringValue ?? ""
        let isTurn = state.withLock { state in
            guard state.nextMethods[client] == member else { return false }
            state.nextMethods[client] = step.next
            return true
        }
        guard isTurn else { throw VarlinkError("org.varlink.certification.ClientIdError") }
        var wants = CallMessage(
            method: call.method, parameters: ["client_id": .string(client)], more: step.more,
            oneway: step.oneway)
        for (name, value) in step.sends { wants.parameters.append(name, value) }
        try check(call, wants: wants)
        for reply in step.replies.dropLast() { try await replies.sendMore(reply) }
        if let last = step.replies.last { try await replies.send(last) }
    }

    private func check(_ call: VarlinkCall, wants: CallMessage) throws(VarlinkError) {
        let got = CallMessage(
            method: call.method, parameters: call.parameters, more: call.more, oneway: call.oneway)
        guard Certification.normal(got) == Certification.normal(wants) else {
            throw VarlinkError(
                "org.varlink.certification.CertificationError",
                ["wants": Certification.normal(wants), "got": Certification.normal(got)])
        }
    }
}

/// The suite's dialogue.
enum Certification {
    struct Step {
        let method: String
        let next: String
        var sends: JSONObject
        var replies: [JSONObject]
        var more = false
        var oneway = false
    }

    static let pi = 3.141592653589793
    private static let structure: JSON = [
        "bool": false, "int": 2, "float": .number(pi), "string": "a lot of string",
    ]
    private static let map: JSON = ["foo": "Foo", "bar": "Bar"]
    private static let set: JSON = ["one": [:], "two": [:], "three": [:]]
    private static let myType: JSON = [
        "object": ["method": "org.varlink.certification.Test09", "parameters": ["map": map]],
        "enum": "two",
        "struct": ["first": 1, "second": "2"],
        "array": ["one", "two", "three"],
        "dictionary": map,
        "stringset": set,
        "interface": [
            "foo": [nil, ["foo": "foo", "bar": "bar"], nil, ["one": "foo", "two": "bar"]],
            "anon": ["foo": true, "bar": false],
        ],
    ]
    private static let lines = (1...10).map { JSON.string("Reply number \($0)") }

    static let steps = [
        Step(method: "Test01", next: "Test02", sends: [:], replies: [["bool": true]]),
        Step(method: "Test02", next: "Test03", sends: ["bool": true], replies: [["int": 1]]),
        Step(method: "Test03", next: "Test04", sends: ["int": 1], replies: [["float": 1.0]]),
        Step(method: "Test04", next: "Test05", sends: ["float": 1.0], replies: [["string": "ping"]]),
        Step(
            method: "Test05", next: "Test06", sends: ["string": "ping"],
            replies: [structure.objectValue ?? [:]]),
        Step(
            method: "Test06", next: "Test07", sends: structure.objectValue ?? [:],
            replies: [["struct": structure]]),
        Step(method: "Test07", next: "Test08", sends: ["struct": structure], replies: [["map": map]]),
        Step(method: "Test08", next: "Test09", sends: ["map": map], replies: [["set": set]]),
        Step(method: "Test09", next: "Test10", sends: ["set": set], replies: [["mytype": myType]]),
        Step(
            method: "Test10", next: "Test11", sends: ["mytype": myType],
            replies: lines.map { ["string": $0] }, more: true),
        Step(
            method: "Test11", next: "End", sends: ["last_more_replies": .array(lines)], replies: [],
            oneway: true),
        Step(method: "End", next: "Start", sends: [:], replies: [["all_ok": true]]),
    ]

    /// The message with members in alphabetical order, nulls left out and whole numbers as
    /// integers: what JSON readers take for equal.
    static func normal(_ message: CallMessage) -> JSON {
        [
            "method": .string(message.method), "parameters": normal(.object(message.parameters)),
            "more": .bool(message.more), "oneway": .bool(message.oneway),
        ]
    }

    static func normal(_ value: JSON) -> JSON {
        switch value {
        case .number(let number): Int64(exactly: number).map(JSON.integer) ?? value
        case .array(let values): .array(values.map(normal))
        case .object(let object):
            .object(
                JSONObject(
                    object.filter { !$0.1.isNull }.map { ($0.0, normal($0.1)) }.sorted { $0.0 < $1.0 }))
        default: value
        }
    }
}
