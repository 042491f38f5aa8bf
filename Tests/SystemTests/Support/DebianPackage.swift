import Glibc
import TestSupport

/// A file of memwatch's Debian package.
struct DebianPackage {
    let path: String

    /// What `make deb` made of this checkout, or the file that `MEMWATCH_TEST_PACKAGE` names,
    /// from the root on.
    static func built() throws -> DebianPackage {
        if let chosen = getenv("MEMWATCH_TEST_PACKAGE") {
            return DebianPackage(path: String(cString: chosen))
        }
        let directory = DebianRelease.checkout + "/.build/deb"
        let found = try run("find", [directory, "-maxdepth", "1", "-name", "memwatch_*.deb"])
        guard let path = found.split(separator: "\n").first else {
            throw TestFailure("there is no Debian package in \(directory); \"make deb\" makes it")
        }
        return DebianPackage(path: String(path))
    }

    /// The same package under an older version number, for what apt does from one version to the next.
    func older() throws -> DebianPackage {
        let version = "0.0.1"
        let path = directory + "/older/\(version).deb"
        try run(DebianRelease.checkout + "/scripts/deb.sh", ["as-version", version, self.path, path])
        return DebianPackage(path: path)
    }

    /// The directory of the files in it, which nobody may change.
    func unpacked() throws -> String {
        let directory = directory + "/unpacked"
        if (try? run("test", [directory, "-nt", path])) == nil {
            try run("rm", ["-rf", directory])
            try run("dpkg-deb", ["--extract", path, directory])
            // It has the time of the package's root directory now.
            try run("touch", [directory])
        }
        return directory
    }

    private var directory: String { path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } }

    /// A field of its control file.
    func field(_ name: String) throws -> String {
        String(try run("dpkg-deb", ["--field", path, name]).prefix { $0 != "\n" })
    }
}

extension TestMachine {
    /// `apt install` of a file, as an administrator does it.
    @discardableResult
    func aptInstall(_ package: DebianPackage) throws -> String {
        try copy(package.path, to: "/root/memwatch.deb")
        return try apt("install", "/root/memwatch.deb")
    }

    /// Without questions, which nobody would answer here.
    @discardableResult
    func apt(_ words: String...) throws -> String {
        try run(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes"] + words)
    }
}
