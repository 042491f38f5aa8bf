import TestSupport
import Testing

/// The `varlink` package of PyPI: a client that nobody here wrote.
enum PythonVarlink {
    private static let version = "31.0.0"

    /// An interpreter that has the package, or why there is none. Made once, below the build
    /// directory, and kept. The Varlink module's own tests make one as well, perhaps at this moment: that
    /// one is used where it is complete, and not repaired where it is not.
    static let python: Result<String, TestFailure> = {
        func works(_ python: String) -> Bool { (try? run(python, ["-c", "import varlink.cli"])) != nil }
        let shared = Document.root + "/.build/varlink-venv/bin/python3"
        if works(shared) { return .success(shared) }
        let environment = Document.root + "/.build/end-to-end-venv"
        let python = environment + "/bin/python3"
        if works(python) { return .success(python) }
        do {
            try run("python3", ["-m", "venv", "--clear", environment])
            try run(python, ["-m", "pip", "install", "--quiet", "varlink==\(version)"])
            return .success(python)
        } catch {
            return .failure(TestFailure("\(error)"))
        }
    }()

    /// Runs its command line, which must succeed.
    static func cli(_ arguments: String...) throws -> String {
        try run(try python.get(), ["-u", "-m", "varlink.cli"] + arguments)
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips where PyPI cannot be reached and the package is not there from an earlier run.
    static var requiresPythonVarlink: Self {
        requires(
            "python-varlink", (try? PythonVarlink.python.get()) != nil,
            "the Python package varlink can be neither found nor installed")
    }
}
