import ArgumentParser
import TestSupport
import Testing

@testable import MemwatchCLI

@Suite("Plain command lines")
struct PlainLineTests {
    /// What was understood, so that two readings can be compared.
    func facts(_ command: (any ParsableCommand)?) -> [String?]? {
        switch command {
        case let regions as RegionsCommand:
            [
                "regions", regions.pid, regions.at, regions.start, "\(regions.kind)", "\(regions.summary)",
                "\(regions.resident)",
            ] + facts(regions.format, regions.daemon)
        case let list as ListCommand:
            ["list", "\(list.all)", "\(list.rules)"] + facts(list.format, list.daemon)
        default: nil
        }
    }

    func facts(_ format: FormatOption, _ daemon: SocketOption) -> [String?] {
        ["\(format.format)", daemon.socket]
    }

    @Test(
        "are read without ArgumentParser",
        arguments: [
            "regions 812", "regions 812 --summary", "regions --summary 812", "regions --format json 812",
            "regions 812 --format ndjson --socket /run/x --summary", "regions --resident 812", "list",
            "list --all", "list --rules",
            "list --socket s --format csv --all",
        ])
    func plain(line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        let plainly = facts(PlainLine.command(words))
        #expect(plainly != nil)
        #expect(try plainly == facts(Memwatch.parseAsRoot(words)))
    }

    @Test(
        "leave to ArgumentParser what it may have something to say about",
        arguments: [
            "", "regions", "regions x", "regions 1 2", "regions 1 --kind heap", "regions --at now 1",
            "regions -1",
            "regions 1 --format xml", "regions 1 --format", "regions 1 --all",
            "regions 1 --summary --summary",
            "regions 1 --format=json", "regions --help", "regions 1 --", "list 1", "list --format --all",
            "list --socket --all", "list --format json --format csv", "history 1", "help list", "--version",
        ])
    func other(line: String) {
        #expect(PlainLine.command(line.split(separator: " ").map(String.init)) == nil)
    }

    @Test("mean what ArgumentParser takes them for, whatever words come together")
    func same() {
        let vocabulary = [
            "1", "22", "--summary", "--resident", "--all", "--rules", "--format", "json", "table", "--socket",
            "path", "-1", "--",
            "--help", "--kind", "heap", "--format=csv", "--at", "now", "", "list",
        ]
        var random = Seeded(12)
        var plain = 0
        for _ in 0..<5_000 {
            var words = [Bool.random(using: &random) ? "regions" : "list"]
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                words.append(vocabulary[Int.random(in: 0..<vocabulary.count, using: &random)])
            }
            guard let command = facts(PlainLine.command(words)) else { continue }
            plain += 1
            #expect(command == facts(try? Memwatch.parseAsRoot(words)), "\(words)")
        }
        #expect(plain > 100)
    }
}
