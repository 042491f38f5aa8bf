import Glibc

/// Cuts what comes through a pipe into lines.
struct LineReader {
    enum Outcome {
        case line(String)
        case end
        /// The deadline passed; with what came of a line.
        case late(String)
    }

    let descriptor: Int32
    private var pending: [UInt8] = []
    private(set) var hasEnded = false

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    mutating func nextLine(until deadline: Int64) -> Outcome {
        while true {
            if let newline = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: pending[..<newline], as: UTF8.self)
                pending.removeSubrange(...newline)
                return .line(line)
            }
            if hasEnded {
                if pending.isEmpty { return .end }
                defer { pending = [] }
                return .line(String(decoding: pending, as: UTF8.self))
            }
            if !waitReadable(descriptor, until: deadline) {
                return .late(String(decoding: pending, as: UTF8.self))
            }
            fill()
        }
    }

    /// Takes what has come, without waiting.
    mutating func fill() {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while !hasEnded {
            let count = read(descriptor, &chunk, chunk.count)
            if count > 0 {
                pending.append(contentsOf: chunk[..<count])
            } else if count == 0 {
                hasEnded = true
            } else if errno != EINTR {
                if errno != EAGAIN { hasEnded = true }
                return
            }
        }
    }

    mutating func availableText() -> String {
        fill()
        return String(decoding: pending, as: UTF8.self)
    }
}
