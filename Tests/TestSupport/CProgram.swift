/// A small C program of the test's own: for what only C does without a runtime of its own around it.
package final class CProgram: Sendable {
    private let directory: TemporaryDirectory
    package let path: String

    package init(_ source: String, _ flags: String...) throws {
        directory = try TemporaryDirectory()
        path = directory.file("program")
        try run("cc", ["-O1", "-o", path, try directory.write(source, to: "program.c")] + flags)
    }

    /// Starts it; it is to say `ready` first.
    package func start(_ arguments: String..., through wrapper: [String] = []) throws -> ChildProcess {
        let words = wrapper + [path] + arguments
        let child = try ChildProcess(words[0], Array(words.dropFirst()))
        guard try child.nextLine() == "ready" else { throw TestFailure("not ready: \(child.errorText())") }
        return child
    }
}
