import Dispatch
import Glibc

/// Runs `body`, which may block, on a thread of its own: Swift's pool has one thread per core,
/// and the server under test needs them.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue(label: "test").async { continuation.resume(with: Result(catching: body)) }
    }
}

/// A program of somebody else's, with its standard output and errors going to us.
final class Program: @unchecked Sendable {
    // `@unchecked Sendable`: the descriptors and the pid do not change, `rest` is used by one reader.
    let pid: pid_t
    private let output: Int32
    private let input: Int32
    private var rest: [UInt8] = []

    init(_ arguments: [String]) throws {
        var outputPipe: [Int32] = [0, 0]
        var inputPipe: [Int32] = [0, 0]
        // Socket pairs and not pipes: they are close-on-exec from the start, so that a program
        // started by another test at this moment does not keep them open.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &outputPipe) == 0, socketpair(AF_UNIX, type, 0, &inputPipe) == 0
        else { throw TestFailure("socketpair: \(errno)") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, inputPipe[0], 0)
        posix_spawn_file_actions_adddup2(&actions, outputPipe[1], 1)
        posix_spawn_file_actions_adddup2(&actions, outputPipe[1], 2)
        // The threads of Swift's pool block signals, and a program inherits what its parent's
        // thread blocks: without this it would not hear of SIGTERM.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var child: pid_t = 0
        let strings = arguments.map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        let status = posix_spawnp(&child, arguments[0], &actions, &attributes, strings, environ)
        close(outputPipe[1])
        close(inputPipe[0])
        output = outputPipe[0]
        input = inputPipe[1]
        pid = child
        guard status == 0 else { throw TestFailure("cannot start \(arguments[0]): errno \(status)") }
    }

    deinit {
        close(output)
        close(input)
    }

    /// The next line it prints; nil at its end.
    func readLine() throws -> String? {
        while true {
            if let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest.removeSubrange(...newline) }
                return String(decoding: rest[..<newline], as: UTF8.self)
            }
            guard try readMore() else { return nil }
        }
    }

    /// Everything else it prints.
    func readAll() throws -> String {
        while try readMore() {}
        defer { rest = [] }
        return String(decoding: rest, as: UTF8.self)
    }

    private func readMore() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = read(output, &chunk, chunk.count)
        guard count > 0 else { return false }
        rest += chunk[..<count]
        return true
    }

    /// Ends it and waits for it.
    func terminate() {
        kill(pid, SIGTERM)
        _ = wait()
    }

    /// Its exit status; 128 + the signal where it was killed.
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + status & 0x7f
    }
}

/// Runs a program to its end. Blocks.
@discardableResult
func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
    let program = try Program(arguments)
    let output = try program.readAll()
    return (program.wait(), output)
}
