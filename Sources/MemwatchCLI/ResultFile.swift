import Glibc
import MemwatchInterface

/// A file that a result goes to.
///
/// Opened before the work that makes the result: a run of an hour is not to end with a file that cannot be written. What
/// is in it stays until there is something to put in its place.
struct ResultFile: ~Copyable {
    private let path: String
    private let descriptor: Int32

    init(_ path: String, option: String) throws(Failure) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw Failure.usage(
                "\(option): cannot write \(UnreadableText.quote(path)): \(SystemError.text(errno))")
        }
    }

    deinit { close(descriptor) }

    /// Empties the file, where it is one and no device or pipe, and writes to it.
    func write(_ body: (Output) throws(Failure) -> Void) throws(Failure) {
        _ = ftruncate(descriptor, 0)
        let output = Output(descriptor: descriptor, name: UnreadableText.quote(path))
        try body(output)
        try output.flush()
    }
}
