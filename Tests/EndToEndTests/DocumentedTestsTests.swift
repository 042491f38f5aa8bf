import Glibc
import TestSupport
import Testing

@Suite("Promises that name their tests")
struct DocumentedTestsTests {
    /// A cell of a table that names tests: `` `FullDiskTests.swift` "a full disk …" "another" ``.
    private struct Cell {
        var files: [String] = []
        var titles: [String] = []

        init(_ text: Substring) {
            for (number, part) in text.split(separator: "`", omittingEmptySubsequences: false).enumerated() {
                if number % 2 == 1, part.hasSuffix("Tests.swift") {
                    files.append(String(part.split(separator: "/").last ?? part))
                }
            }
            guard !files.isEmpty else { return }
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
            let cells = try readText(Document.root + "/" + document).split(separator: "\n")
                .filter { $0.hasPrefix("|") }.flatMap { $0.split(separator: "|") }.map(Cell.init)
            #expect(cells.contains { !$0.files.isEmpty }, "\(document) names no test")
            for cell in cells {
                for file in cell.files { #expect(sources[file] != nil, "\(document): there is no \(file)") }
                let text = cell.files.compactMap { sources[$0] }.joined()
                for title in cell.titles {
                    #expect(
                        text.contains("\"\(title)\""), "\(document): no test \"\(title)\" in \(cell.files)")
                }
            }
        }
    }
}
