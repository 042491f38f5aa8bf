import Glibc
import TestSupport
import Testing

@Suite("The units", .requiresTool("systemd-analyze"))
struct UnitFileTests {
    private var checkout: String { #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } }

    @Test("systemd finds nothing wrong with them", arguments: [[], ["--user"]])
    func verify(mode: [String]) throws {
        let directory = try TemporaryDirectory()
        let source = checkout + "/systemd/" + (mode.isEmpty ? "" : "user/")
        // The program must be there and executable; verifying does not run it.
        try directory.write("", to: "memwatchd", mode: 0o755)
        for unit in ["memwatchd.service", "memwatchd.socket"] {
            let text = try readText(source + unit)
            let program = "ExecStart=\(directory.path)/memwatchd"
            let installed = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
                line == "ExecStart=@BINDIR@/memwatchd" ? program : String(line)
            }
            #expect(!installed.contains { $0.contains("DIR@") }, "a placeholder beside @BINDIR@")
            try directory.write(installed.joined(separator: "\n"), to: unit)
        }
        let child = try ChildProcess(
            "systemd-analyze",
            mode + ["verify", directory.file("memwatchd.service"), directory.file("memwatchd.socket")],
            environment: ["XDG_RUNTIME_DIR": directory.path], errorsToOutput: true)
        child.closeInput()
        #expect(try child.remainingOutput() == "")
        #expect(try child.waitForExit() == .status(0))
    }
}
