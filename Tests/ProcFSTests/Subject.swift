import Glibc
import ProcFS
import TestSupport
import Testing

/// A child process running `Fixtures/subject.c`, which is compiled once a run.
final class Subject {
    let pid: Int32
    /// The first line it printed.
    private(set) var firstLine = ""
    private let input: Int32
    private let output: Int32
    private var isReaped = false

    /// Starts it and waits for its first line, unless it prints none.
    init(_ arguments: String..., program: String? = nil, prints: Bool = true) throws {
        let program = try program ?? Self.program.get()
        var toChild: [Int32] = [0, 0]
        var fromChild: [Int32] = [0, 0]
        // Closed on exec from the start: other tests start children at the same time.
        guard SystemCall.pipe(&toChild), SystemCall.pipe(&fromChild) else { throw Failure("pipe2: \(errno)") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var child: pid_t = 0
        let result = posix_spawn(&child, program, &actions, nil, words, environ)
        close(toChild[0])
        close(fromChild[1])
        guard result == 0 else { throw Failure("posix_spawn \(program): \(result)") }
        pid = child
        input = toChild[1]
        output = fromChild[0]
        if prints { firstLine = readLine() }
    }

    func readLine() -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1, byte != UInt8(ascii: "\n") { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    func write(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = Glibc.write(input, bytes, bytes.count)
    }

    func open() throws -> ProcessDirectory { try ProcRoot().open(pid: pid) }

    /// Kills it and waits for it, so that its pid is free.
    func kill() {
        guard !isReaped else { return }
        isReaped = true
        _ = Glibc.kill(pid, SIGKILL)
        while waitpid(pid, nil, 0) < 0, errno == EINTR {}
    }

    deinit {
        kill()
        close(input)
        close(output)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// The compiled program, or why there is none.
    static let program = Result { () throws -> String in
        let source = fixture("subject.c")
        let binary = TemporaryDirectory.shared.path + "/subject"
        let status = run("/usr/bin/env", "cc", "-O1", "-pthread", "-o", binary, source)
        guard status == 0 else { throw Failure("cc \(source): exit status \(status)") }
        return binary
    }
}

/// Runs a program to its end and returns what it left: its exit status, or -1.
func run(_ words: String...) -> Int32 {
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    defer { for argument in arguments { free(argument) } }
    arguments.append(nil)
    var child: pid_t = 0
    guard posix_spawn(&child, words[0], nil, nil, arguments, environ) == 0 else { return -1 }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    return status & 0x7f == 0 ? status >> 8 & 0xff : -1
}

/// A directory of its own, removed with all that is in it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/memwatch-procfs-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Subject.Failure("mkdtemp: \(errno)") }
        path = template.withUnsafeBufferPointer {
            String(cString: $0.baseAddress ?? UnsafePointer(strdup("")))
        }
        // Other users' processes are started from it.
        chmod(path, 0o755)
    }

    deinit { _ = run("/usr/bin/env", "rm", "-rf", path) }

    /// For what all tests use; removed when the test process ends.
    static let shared: TemporaryDirectory = {
        guard let directory = try? TemporaryDirectory() else { fatalError("no temporary directory") }
        atexit { _ = run("/usr/bin/env", "rm", "-rf", TemporaryDirectory.shared.path) }
        return directory
    }()
}

func fixture(_ name: String, file: String = #filePath) -> String {
    file.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/Fixtures/" + name
}

/// Runs `body` on a thread that has become another user, as the kernel sees it: ids belong
/// to threads, and only the C library makes all of a process's threads change together.
func asUser<Value: Sendable>(_ id: Int, _ body: @Sendable @escaping () -> Value) -> Value? {
    let box = Box<Value>()
    box.work = { [unowned box] in
        guard SystemCall.becomeUser(id) else { return }
        box.value = body()
    }
    let erased: AnyBox = box
    var thread = pthread_t()
    pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<AnyBox>.fromOpaque(argument).takeUnretainedValue().work() }
            return nil
        }, Unmanaged.passUnretained(erased).toOpaque())
    pthread_join(thread, nil)
    SystemCall.makeDumpable()
    return box.value
}

/// `@unchecked`: written by one thread, and read by another only after that has ended.
private class AnyBox: @unchecked Sendable { var work: () -> Void = {} }
private final class Box<Value>: AnyBox, @unchecked Sendable { var value: Value? }

extension Trait where Self == ConditionTrait {
    static var needsRoot: Self { requiresRoot }
}
