import TestSupport
import Testing

/// script(1) gives the client a real terminal; NO_COLOR and TERM are set so that this machine's do not count.
@Suite("On a terminal", .requiresTool("script"))
struct TerminalTests {
    func onTerminal(_ command: String, _ environment: String = "unset NO_COLOR; TERM=xterm") throws -> String
    {
        let run = try Client.bash(
            "\(environment); export TERM NO_COLOR; script -qec \"stty cols 70; \(command)\" /dev/null")
        #expect(run.exit == .status(0), "\(run.output)")
        return run.output
    }

    @Test("the header is bold, unless NO_COLOR or a dumb terminal forbids it")
    func style() throws {
        let command = "$memwatch regions $$ --kind stack"
        #expect(try onTerminal(command).contains("\u{1b}[1mADDRESS"))
        #expect(!(try onTerminal(command, "NO_COLOR=1; TERM=xterm").contains("\u{1b}")))
        #expect(!(try onTerminal(command, "unset NO_COLOR; TERM=dumb").contains("\u{1b}")))
    }

    @Test("a long path loses its middle on a terminal, and nothing in a pipe")
    func width() throws {
        let directory = try TemporaryDirectory()
        let name = String(repeating: "a", count: 80) + "-end"
        let program = directory.file(name)
        try TestSupport.run("cp", [try #require(findTool("cat")), program])
        let child = try ChildProcess(program)
        try child.send("x\n")
        _ = try child.nextLine()
        let shown = try onTerminal("$memwatch regions \(child.pid) --kind text")
        #expect(shown.contains("…"))
        #expect(shown.contains("-end"))
        #expect(!shown.contains(name))
        #expect(try Client.run("regions", "\(child.pid)", "--kind", "text").output.contains(name + "\n"))
    }
}
