import Glibc
import TestSupport

/// What a daemon asks of the kernel from its first instruction to its last, by strace: the files it names,
/// whom it talks to, and what it does to other processes.
final class SystemCallTrace {
    struct Call: CustomStringConvertible {
        var name: Substring
        var arguments: Substring
        /// The name of a file as the call has it; nil where it names none.
        var file: Substring?
        /// The same with the directory that it is below.
        var path: String?

        /// The arguments one by one, where none has a comma in it.
        var words: [Substring] { arguments.split(separator: ",").map { $0.drop { $0 == " " } } }

        var description: String { "\(name)(\(arguments))" }

        /// Whether it may leave a file, or the name of one, other than it was.
        var changesFiles: Bool {
            switch name {
            case "open", "openat", "openat2":
                ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"].contains { arguments.contains($0) }
            case "creat", "truncate", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat",
                "renameat2", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmodat", "fchmodat2",
                "chown", "lchown", "fchownat", "utime", "utimes", "utimensat", "futimesat", "mknod",
                "mknodat",
                "setxattr", "lsetxattr", "removexattr", "lremovexattr", "mount", "umount2", "swapon":
                true
            default: false
            }
        }
    }

    private let directory: TemporaryDirectory
    private let collector: ChildProcess
    /// A prefix that runs a program by exec, traced.
    let wrapper: [String]

    private static let calls = [
        "%file", "%network", "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
        "pidfd_send_signal", "pidfd_getfd", "ptrace", "process_vm_readv", "process_vm_writev",
        "process_madvise",
        "kcmp",
    ]

    init() throws {
        directory = try TemporaryDirectory()
        let (pipe, file) = (directory.file("pipe"), directory.file("calls"))
        guard mkfifo(pipe, 0o600) == 0 else { throw TestFailure.system("mkfifo", errno) }
        // Ends when strace does, and with it the file is whole.
        collector = try ChildProcess("sh", ["-c", "exec cat \"$0\" >\"$1\"", pipe, file])
        // -D: the tracer is nobody's parent, so that the process that was started is the daemon.
        wrapper = [
            "strace", "-D", "-f", "-ttt", "-T", "-y", "-o", pipe, "-e",
            "trace=" + Self.calls.joined(separator: ","),
        ]
    }

    /// All calls in their order. The daemon must have ended.
    func finish() throws -> [Call] {
        guard try collector.waitForExit() == .status(0) else { throw TestFailure(collector.errorText()) }
        return try readText(directory.file("calls")).split(separator: "\n").compactMap { text in
            guard let line = StraceLine(text) else { throw TestFailure("no line of strace's: \(text)") }
            switch line.content {
            case .call(let name, let arguments, _, _), .unfinished(let name, let arguments):
                return Self.call(name, arguments)
            case .resumed, .end, .other: return nil
            }
        }
    }

    /// Of `openat(12</proc/17>, "statm", O_RDONLY)` what is named: `statm`, and `/proc/17/statm`.
    private static func call(_ name: Substring, _ arguments: Substring) -> Call {
        var call = Call(name: name, arguments: arguments)
        var rest = arguments
        var below: Substring?
        if rest.hasPrefix("AT_FDCWD") || rest.first?.isNumber == true {
            // strace before 6.2 does not say where AT_FDCWD is.
            let directory = rest.prefix { $0 != "," }
            if let from = directory.firstIndex(of: "<"), let to = directory.lastIndex(of: ">") {
                below = directory[directory.index(after: from)..<to]
            }
            rest = rest[directory.endIndex...].dropFirst(2)
        }
        if rest.first == "\"", let end = rest.dropFirst().firstIndex(of: "\"") {
            let file = rest.dropFirst()[..<end]
            call.file = file
            call.path = file.hasPrefix("/") ? String(file) : (below.map { $0 + "/" } ?? "") + file
        }
        return call
    }
}
