import CLinux
import Glibc
import MemwatchInterface

/// A memwatchd of one run's own: with a socket and a history in a directory that nobody else can enter, and gone with it.
///
/// The daemon is what watches in every other case, too, so that a run is told by the same ledger, with children from their
/// first instant, and needs no root: it watches its own user's processes.
final class PrivateDaemon {
    let directory: String
    let endpoint: Endpoint
    private let pid: pid_t
    private var isEnded = false

    /// Returns when it answers.
    init() throws(Failure) {
        let program = try Self.program()
        directory = try Self.makeDirectory()
        let socket = directory + "/socket"
        do throws(Failure) {
            endpoint = try Endpoint(option: socket)
            let log = open(directory + "/log", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            defer { close(log) }
            guard log >= 0, mkdir(directory + "/state", 0o700) == 0, Self.writeConfiguration(in: directory)
            else {
                throw Failure(.software, "cannot write in \(directory): \(SystemError.text(errno))")
            }
            let words = [
                program, "--config", directory + "/memwatchd.toml", "--socket", socket, "--state-directory",
                directory + "/state",
            ]
            pid = CArguments(words).with { clinux_start_helper($0, log) }
            guard pid > 0 else {
                throw Failure(.software, "cannot start \(program): \(SystemError.text(errno))")
            }
        } catch {
            Self.remove(directory)
            throw error
        }
        try waitUntilItAnswers(program)
    }

    deinit { end() }

    /// Ends it and removes all that it wrote.
    func end() {
        guard !isEnded else { return }
        isEnded = true
        kill(pid, SIGTERM)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        Self.remove(directory)
    }

    private func waitUntilItAnswers(_ program: String) throws(Failure) {
        // Ten seconds: a machine may be busy.
        for _ in 0..<1_000 {
            if (try? Daemon.connect(endpoint, patience: .seconds(10)).call(.status)) != nil { return }
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid {
                isEnded = true
                let said = Self.text(of: directory + "/log")
                Self.remove(directory)
                throw Failure(.unavailable, "\(program) ended at once: \(said)")
            }
            usleep(10_000)
        }
        end()
        throw Failure(.unavailable, "\(program) does not answer")
    }

    // MARK: Files

    /// Beside this program, or in PATH.
    private static func program() throws(Failure) -> String {
        var own = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &own, own.count - 1)
        var places: [String] = []
        if count > 0 {
            let path = String(decoding: own.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            places.append(
                path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            )
        }
        places += (Environment.value("PATH") ?? "").split(separator: ":").map(String.init)
        for place in places + ["/usr/sbin", "/usr/local/sbin"] where access(place + "/memwatchd", X_OK) == 0 {
            return place + "/memwatchd"
        }
        throw Failure(
            .unavailable, "memwatchd is neither beside memwatch nor in PATH: install it, it does the watching"
        )
    }

    /// A socket's path has at most 107 bytes, so TMPDIR is taken only where it is short.
    private static func makeDirectory() throws(Failure) -> String {
        let candidates = [Environment.value("XDG_RUNTIME_DIR"), Environment.value("TMPDIR"), "/tmp"]
        for base in candidates.compactMap(\.self) where base.hasPrefix("/") && base.utf8.count <= 60 {
            var template = Array((base + "/memwatch-run.XXXXXX").utf8CString)
            if mkdtemp(&template) != nil {
                return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
        throw Failure(.software, "cannot make a directory in /tmp: \(SystemError.text(errno))")
    }

    private static func writeConfiguration(in directory: String) -> Bool {
        // Nothing of it concerns the machine's journal.
        let text = "[journal]\nenabled = false\n"
        let file = open(directory + "/memwatchd.toml", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        return text.utf8CString.withUnsafeBytes { write(file, $0.baseAddress, $0.count - 1) }
            == text.utf8.count
    }

    private static func text(of path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "it said nothing" }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 2_048)
        let count = read(file, &bytes, bytes.count)
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        return lines.last.map(String.init) ?? "it said nothing"
    }

    /// Of what the daemon makes there, and nothing else: no link is followed.
    private static func remove(_ directory: String) {
        for place in [directory + "/state", directory] {
            if let entries = opendir(place) {
                while let entry = readdir(entries) {
                    let name = withUnsafePointer(to: &entry.pointee.d_name) {
                        String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
                    }
                    if name != ".", name != ".." { unlink(place + "/" + name) }
                }
                closedir(entries)
            }
            rmdir(place)
        }
    }
}
