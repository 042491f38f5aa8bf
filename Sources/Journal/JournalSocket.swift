import CSystemd
import Glibc

/// The one place that calls `sd_journal_sendv`.
enum JournalSocket {
    enum Outcome: Equatable {
        case sent
        /// The errno of sendmsg(2): ECONNREFUSED while journald is dead, ENOENT where there is none.
        case failed(CInt)
    }

    static let path = "/run/systemd/journal/socket"

    /// Whether a journal is there to write to. libsystemd itself says "sent" to ENOENT, so that
    /// programs run quietly without systemd; we count, so we have to ask.
    static var exists: Bool { access(path, W_OK) == 0 }

    /// Blocks while journald's queue is full (`net.unix.max_dgram_qlen`: 11 datagrams unless systemd
    /// raised it) and journald does not read: see ``JournalSender`` for what follows.
    static func send(_ entry: JournalEntry) -> Outcome {
        guard exists else { return .failed(errno) }
        var entry = entry
        let result = entry.withVectors { vectors in
            sd_journal_sendv(vectors.baseAddress, CInt(clamping: vectors.count))
        }
        return result < 0 ? .failed(-result) : .sent
    }
}

extension JournalEntry {
    /// The entry as the vectors of writev(2), one for each field.
    fileprivate mutating func withVectors<Result>(_ body: (UnsafeBufferPointer<iovec>) -> Result) -> Result {
        let ends = ends
        return withUnsafeMutableBytes { bytes in
            var vectors: [iovec] = []
            vectors.reserveCapacity(ends.count)
            var start = 0
            for end in ends {
                vectors.append(iovec(iov_base: bytes.baseAddress?.advanced(by: start), iov_len: end - start))
                start = end
            }
            return vectors.withUnsafeBufferPointer(body)
        }
    }
}
