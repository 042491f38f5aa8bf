import Glibc
import TestSupport
import Testing

/// The `varlink` package of PyPI: an implementation of the protocol that nobody here wrote.
enum PythonVarlink {
    private static let version = "31.0.0"

    /// The interpreter of a virtual environment with the package, or why there is none. Made once,
    /// below the build directory, and kept.
    static let python: Result<String, TestFailure> = {
        let root = #filePath.split(separator: "/").dropLast(4).map { "/" + $0 }.joined()
        let environment = root + "/.build/varlink-venv"
        let python = environment + "/bin/python3"
        let isThere = [python, "-c", "import varlink, varlink.tests.test_certification"]
        if (try? run(isThere))?.status == 0 { return .success(python) }
        guard (try? run(["python3", "-m", "venv", "--clear", environment]))?.status == 0 else {
            return .failure(TestFailure("python3 -m venv does not work"))
        }
        guard (try? run([python, "-m", "pip", "install", "--quiet", "varlink==\(version)"]))?.status == 0
        else {
            return .failure(TestFailure("pip cannot install varlink \(version)"))
        }
        return .success(python)
    }()

    static var isAvailable: Bool { if case .success = python { true } else { false } }

    /// The command line of one of its modules.
    static func module(_ name: String, _ arguments: String...) throws -> [String] {
        [try python.get(), "-u", "-m", "varlink." + name] + arguments
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips where PyPI cannot be reached and the package is not there from an earlier run.
    static var needsPythonVarlink: Self {
        .requires(
            "python-varlink", PythonVarlink.isAvailable,
            "the Python package varlink can be neither found nor installed")
    }

    static var needsRoot: Self {
        .requires("root", geteuid() == 0, "only root can act as another user")
    }
}
