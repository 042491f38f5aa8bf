import Glibc

/// A file descriptor with one owner, closed when the owner lets go of it.
struct OwnedDescriptor: ~Copyable, Sendable {
    let rawValue: Int32

    init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// Hands the descriptor on to whoever closes it then.
    consuming func release() -> Int32 {
        let raw = rawValue
        discard self
        return raw
    }

    /// close(2) is not repeated on EINTR: Linux has freed the number by then.
    deinit { _ = close(rawValue) }
}
