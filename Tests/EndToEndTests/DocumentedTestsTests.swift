import Glibc
import TestSupport
import Testing

@Suite("Promises that name their tests")
struct DocumentedTestsTests {
    /// What a line of a document says about tests: `` `FullDiskTests.swift` "a full disk …" ``, `` `QuotaTests.streams` ``.
    private struct Mention {
        var suites: [String] = []
        /// Of a test function, with its suite.
        var functions: [(suite: String, name: String)] = []
        var titles: [String] = []

        init(_ text: Substring) {
            var isOfFiles = false
            for (number, part) in text.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
                let words = part.split(separator: ".")
                guard number % 2 == 1, let suite = words.first, suite.hasSuffix("Tests"), words.count < 3,
                    !part.contains(" ")
                else { continue }
                suites.append(String(suite))
                if words.last == "swift" {
                    isOfFiles = true
                } else if words.count == 2 {
                    functions.append((String(suite), String(words[1])))
                }
            }
            guard isOfFiles else { return }
            let quoted = text.split(separator: "\"", omittingEmptySubsequences: false)
            titles = quoted.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
        }
    }

    private func sources() throws -> [String: String] {
        var sources: [String: String] = [:]
        for path in try run("find", [Document.root + "/Tests", "-name", "*Tests.swift"]).split(
            separator: "\n")
        {
            let name = String(path.split(separator: "/").last ?? "")
            sources[name, default: ""] += try readText(String(path))
        }
        return sources
    }

    @Test("each test that the documents on reliability and security name is there, under that name")
    func named() throws {
        let sources = try sources()
        for document in ["docs/reliability.md", "docs/security.md"] {
            guard access(Document.root + "/" + document, R_OK) == 0 else { continue }
            // A cell of a table at a time: the titles in it are of the files in it.
            let mentions = try readText(Document.root + "/" + document).split(separator: "\n")
                .flatMap { $0.hasPrefix("|") ? $0.split(separator: "|") : [$0] }.map(Mention.init)
            #expect(mentions.contains { !$0.suites.isEmpty }, "\(document) names no test")
            for mention in mentions {
                let found = mention.suites.filter { sources[$0 + ".swift"] != nil }
                #expect(found == mention.suites, "\(document): these are not there")
                for (suite, name) in mention.functions {
                    let isThere = sources[suite + ".swift"]?.contains("func \(name)(") == true
                    #expect(isThere, "\(document): there is no \(suite).\(name)")
                }
                for title in mention.titles {
                    let isThere = found.contains { sources[$0 + ".swift"]?.contains("\"\(title)\"") == true }
                    #expect(isThere, "\(document): no test \"\(title)\" in \(found)")
                }
            }
        }
    }
}
