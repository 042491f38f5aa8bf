import Glibc

/// The path of an executable that the package builds (`memgrow`, `memwatch`, `memwatchd`).
///
/// SwiftPM puts them in the directory of the test bundle. `MEMWATCH_BIN_DIR` names another
/// (an installed copy, a release build).
package func builtProduct(_ name: String) throws -> String {
    var directories: [String] = []
    if let chosen = getenv("MEMWATCH_BIN_DIR") { directories.append(String(cString: chosen)) }
    // The bundle is the program itself, or one that was passed to it (`--test-bundle-path`).
    var programs = CommandLine.arguments.filter { $0.contains("/") }
    if let own = realpath("/proc/self/exe", nil) {
        programs.insert(String(cString: own), at: 0)
        free(own)
    }
    for program in programs {
        guard let slash = program.lastIndex(of: "/") else { continue }
        directories.append(String(program[..<slash]))
    }
    for directory in directories {
        let path = directory + "/" + name
        if access(path, X_OK) == 0 { return path }
    }
    throw TestFailure("\(name) is not built; looked in \(directories.joined(separator: ", "))")
}
