import Testing

@testable import Varlink
@testable import VarlinkServing

@Suite(
    "org.varlink.certification, against the Python implementation", .needsPythonVarlink,
    .timeLimit(.minutes(10)))
struct CertificationTests {
    private func serviceDescription() async throws -> String {
        let script = """
            import os, varlink.tests
            print(open(os.path.dirname(varlink.tests.__file__) + '/org.varlink.certification.varlink').read(), end='')
            """
        let python = try PythonVarlink.python.get()
        return try await onThread { try run([python, "-c", script]).output }
    }

    @Test("our server certifies their client")
    func server() async throws {
        let service = CertificationService(description: try await serviceDescription())
        try await withServer(also: [service]) { server in
            let command = try PythonVarlink.module(
                "tests.test_certification", "--client", "--varlink=unix:" + server.path)
            let result = try await onThread { try run(command) }
            #expect(result.status == 0)
            #expect(
                result.output.hasSuffix("End: {'all_ok': True}\nCertification passed\n"), "\(result.output)")
        }
    }

    @Test("our client passes their server, sending back what it is given")
    func client() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("socket")
        let program = try Program(
            try PythonVarlink.module("tests.test_certification", "--varlink=unix:" + path))
        defer { program.terminate() }
        let greeting = try await onThread { try program.readLine() }
        #expect(greeting?.hasPrefix("Listening on") == true, "\(greeting ?? "")")
        let client = try await AsyncClient.connect(path: path)
        try await certify(client)
    }

    @Test("our client passes our server")
    func both() async throws {
        let service = CertificationService(description: try await serviceDescription())
        try await withServer(also: [service]) { server in try await certify(try await server.connect()) }
    }

    /// The suite's client: each reply is the next call's parameters.
    private func certify(_ client: AsyncClient) async throws {
        func method(_ name: String) -> String { "org.varlink.certification." + name }
        let id = try #require(try await client.call(method("Start"))["client_id"])
        var parameters: JSONObject = [:]
        for number in 1...9 {
            parameters["client_id"] = id
            parameters = try await client.call(method("Test0\(number)"), parameters)
        }
        let replies = try await client.replies(
            method("Test10"), ["client_id": id, "mytype": parameters["mytype"] ?? .null]
        ).map { $0.parameters["string"] ?? .null }
        #expect(replies.count == 10)
        try await client.callOneway(
            method("Test11"), ["client_id": id, "last_more_replies": .array(replies)])
        let end = try await client.call(method("End"), ["client_id": id])
        #expect(end == ["all_ok": true])
    }

    @Test("a server refuses a client that says something else")
    func wrongValue() async throws {
        let service = CertificationService(description: try await serviceDescription())
        try await withServer(also: [service]) { server in
            let client = try await server.connect()
            let id = try await client.call("org.varlink.certification.Start")["client_id"] ?? .null
            _ = try await client.call("org.varlink.certification.Test01", ["client_id": id])
            do {
                _ = try await client.call(
                    "org.varlink.certification.Test02", ["client_id": id, "bool": false])
                Issue.record("it was accepted")
            } catch let error as VarlinkError {
                #expect(error.name == "org.varlink.certification.CertificationError")
            }
        }
    }

    @Test("their command line reads our description and calls our methods")
    func commandLine() async throws {
        try await withServer { server in
            func cli(_ arguments: String...) async throws -> (status: Int32, output: String) {
                let command = try PythonVarlink.module("cli") + arguments
                return try await onThread { try run(command) }
            }
            let address = "unix:" + server.path
            let info = try await cli("info", address)
            #expect(
                info.output == """
                    Vendor: memwatch
                    Product: Varlink tests
                    Version: 1
                    URL: https://example.org
                    Interfaces:
                       org.varlink.service
                       org.example.test

                    """)
            let help = try await cli("help", address + "/org.example.test")
            #expect(help.output == server.service.description + "\n")
            let service = try await cli("help", address + "/org.varlink.service")
            #expect(service.output == IntrospectionService.description + "\n")
            let call = try await cli("call", address + "/org.example.test.Echo", #"{"text":"grüße"}"#)
            #expect(call.status == 0)
            #expect(try JSON(parsing: call.output) == ["text": "grüße"])
            let more = try await cli("call", "--more", address + "/org.example.test.Count", #"{"n":3}"#)
            #expect(more.output.filter { !$0.isWhitespace } == #"{"i":1}{"i":2}{"i":3}"#)
            let error = try await cli("call", address + "/org.example.test.Echo", #"{"text":1}"#)
            #expect(error.output.contains("org.varlink.service.InvalidParameter"))
        }
    }
}
