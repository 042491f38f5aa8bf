import Glibc
import Testing

/// A child process with pipes to its standard input and from its standard output, gone at the latest
/// when this object is.
final class Child {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let pid: pid_t
    /// Our end of a socket pair, which, unlike pipe(2), is close-on-exec from its first moment, so that
    /// no child that another test starts meanwhile keeps it open.
    private let socket: CInt
    private var buffer: [UInt8] = []

    /// - Parameter environment: the whole environment of the child.
    init(_ arguments: [String], environment: [String: String] = [:]) throws {
        var ends: [CInt] = [-1, -1]
        guard socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Failure(description: "socketpair: \(errno)")
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        let path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        let variables = [path, "LC_ALL=C.UTF-8"] + environment.map { "\($0.key)=\($0.value)" }
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = variables.map { strdup($0) } + [nil]
        defer { for string in argv + envp { free(string) } }
        var child: pid_t = 0
        let result = posix_spawnp(&child, arguments[0], &actions, nil, &argv, &envp)
        close(ends[1])
        guard result == 0 else {
            close(ends[0])
            throw Failure(description: "cannot start \(arguments): \(String(cString: strerror(result)))")
        }
        pid = child
        socket = ends[0]
    }

    deinit {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
        close(socket)
    }

    func send(_ text: String) throws {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard written > 0 else { throw Failure(description: "the child does not read: \(errno)") }
            rest = rest.dropFirst(written)
        }
    }

    /// The next line of output. Fails at the output's end, and after a minute, in which a hang shows.
    func line() throws -> String {
        while true {
            if let newline = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffer[..<newline], as: UTF8.self)
                buffer.removeSubrange(...newline)
                return line
            }
            guard try fill() else { throw Failure(description: "the child ended its output") }
        }
    }

    /// Everything to the output's end.
    func rest() throws -> String {
        while try fill() {}
        defer { buffer = [] }
        return String(decoding: buffer, as: UTF8.self)
    }

    private func fill() throws -> Bool {
        var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, 60_000) > 0 else { throw Failure(description: "no output for a minute") }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = read(socket, &chunk, chunk.count)
        guard count >= 0 else { throw Failure(description: "read: \(errno)") }
        buffer.append(contentsOf: chunk[..<count])
        return count > 0
    }
}

/// `JournalTestHelper`, which is built beside the test bundle.
func helperPath() -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBufferPointer { buffer in
        buffer.withMemoryRebound(to: CChar.self) { text in
            text.baseAddress.map { readlink("/proc/self/exe", $0, text.count) } ?? 0
        }
    }
    let path = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    return path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex) + "/JournalTestHelper"
}
