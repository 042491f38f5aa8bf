import TestSupport
import Testing

@Suite("What is in the Debian package", .requiresTool("dpkg-deb"), .requiresPackage, .timeLimit(.minutes(5)))
struct PackageContentTests {
    private let package: DebianPackage
    /// The package, unpacked.
    private let root: String

    init() throws {
        package = try .built()
        root = try package.unpacked()
    }

    @Test("it holds the files that make install installs, with their modes, and Debian's changelog")
    func sameAsMakeInstall() throws {
        let scratch = try TemporaryDirectory()
        let root = scratch.file("package")
        try run("cp", ["--archive", self.root, root])
        let installed = scratch.file("installed")
        try run(
            DebianRelease.checkout + "/scripts/install.sh", ["install"],
            environment: [
                "PREFIX": "/usr", "DESTDIR": installed,
                "MEMWATCH_BUILD": DebianRelease.checkout + "/.build/release",
            ])
        // Debian wants longer documentation compressed.
        try run("find", [root + "/usr/share", "-name", "*.gz", "-exec", "gunzip", "--name", "{}", "+"])
        let debians: Set = ["-rw-r--r-- /usr/share/doc/memwatch/changelog"]
        let packed = try files(in: root)
        #expect(packed.subtracting(debians).sorted() == (try files(in: installed)).sorted())
        #expect(packed.isSuperset(of: debians))
        // What is inside is the same too; but the programs are stripped.
        let different = try ChildProcess("diff", ["--recursive", "--brief", root, installed])
        let lines = try different.remainingOutput().split(separator: "\n")
        #expect(lines.count == 3, "\(lines)")
        for name in ["/usr/bin/memwatch", "/usr/sbin/memwatchd", "/usr/share/doc/memwatch: changelog"] {
            #expect(lines.count { $0.contains(name) } == 1, "\(lines)")
        }
    }

    /// "-rwxr-xr-x /usr/bin/memwatch": files, and directories that are empty.
    private func files(in directory: String) throws -> Set<String> {
        let found = try run(
            "find", [directory, "(", "-not", "-type", "d", "-or", "-empty", ")", "-printf", "%M /%P\n"])
        return Set(found.split(separator: "\n").map(String.init))
    }

    @Test("its version is that of the programs")
    func version() throws {
        let version = try package.field("Version")
        #expect(try run(root + "/usr/bin/memwatch", ["--version"]) == "memwatch \(version)\n")
        #expect(try run(root + "/usr/sbin/memwatchd", ["--version"]) == "\(version)\n")
    }

    @Test("its configuration is the administrator's: dpkg never overwrites it")
    func conffiles() throws {
        let files = try run("dpkg-deb", ["--info", package.path, "conffiles"])
        #expect(files == "/etc/memwatch/memwatchd.toml\n")
    }

    @Test("the programs want no Swift of the machine, and carry no symbols", .requiresTool("readelf"))
    func programs() throws {
        for program in ["/usr/bin/memwatch", "/usr/sbin/memwatchd"] {
            let dynamic = try run("readelf", ["--dynamic", "--wide", root + program])
            #expect(dynamic.contains("libc.so.6"))
            #expect(!dynamic.contains("libswift") && !dynamic.contains("libFoundation"))
            #expect(!dynamic.contains("RPATH"))
            #expect(!(try run("readelf", ["--sections", "--wide", root + program])).contains(".symtab"))
        }
    }

    @Test("lintian finds neither error nor warning", .requiresTool("lintian"))
    func lintian() throws {
        let lintian = try ChildProcess("lintian", ["--fail-on=error,warning", package.path])
        #expect(try lintian.remainingOutput() == "")
        #expect(try lintian.waitForExit() == .status(0))
    }

    @Test(
        "man has nothing to say against a page, which shows every command",
        .requiresTool("man"), arguments: ["man1/memwatch.1", "man8/memwatchd.8", "man5/memwatchd.toml.5"])
    func manual(page: String) throws {
        let man = try ChildProcess(
            "man", ["--warnings", "--encoding=UTF-8", "--local-file", root + "/usr/share/man/\(page).gz"],
            environment: ["MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANROFFOPT": "-ww"])
        let text = try man.remainingOutput()
        #expect(try man.waitForExit() == .status(0))
        #expect(man.errorText() == "")
        #expect(text.contains("SYNOPSIS"))
        guard page == "man1/memwatch.1" else { return }
        #expect(try commands().count >= 8)
        for command in try commands() { #expect(text.contains("memwatch \(command)")) }
    }

    /// Those that `memwatch --help` lists.
    private func commands() throws -> [Substring] {
        let help = try run(root + "/usr/bin/memwatch", ["--help"])
        let listed = help.split(separator: "\n").drop { $0 != "SUBCOMMANDS:" }.dropFirst()
        return listed.filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
            .compactMap { $0.split(separator: " ").first }.filter { $0.allSatisfy(\.isLowercase) }
    }

    @Test("bash completes a command's name", .requiresTool("bash"))
    func bash() throws {
        let file = root + "/usr/share/bash-completion/completions/memwatch"
        let script = """
            . '\(file)'
            COMP_LINE='memwatch reg' COMP_POINT=12 COMP_WORDS=(memwatch reg) COMP_CWORD=1 COMP_TYPE=9
            complete=($(complete -p memwatch))
            "${complete[-2]}" memwatch reg memwatch
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        #expect(try run("bash", ["-c", script]) == "regions\n")
    }

    @Test("fish completes a command's name", .requiresTool("fish"))
    func fish() throws {
        let file = root + "/usr/share/fish/vendor_completions.d/memwatch.fish"
        let output = try run("fish", ["--no-config", "-c", "source '\(file)'; complete -C 'memwatch reg'"])
        #expect(output.hasPrefix("regions"))
    }

    @Test("zsh takes the completions for its own", .requiresTool("zsh"))
    func zsh() throws {
        let directory = root + "/usr/share/zsh/vendor-completions"
        let script =
            "fpath=('\(directory)' $fpath); autoload -Uz compinit; compinit -D; print $_comps[memwatch] $_comps[memwatchd]"
        #expect(try run("zsh", ["-f", "-c", script]) == "_memwatch _memwatchd\n")
        for name in ["_memwatch", "_memwatchd"] { try run("zsh", ["-n", directory + "/" + name]) }
    }
}
