import Glibc

/// Cuts what a client receives into frames: whatever stands between NULs.
///
/// It holds one frame and one read beyond it, however much the server sends: nothing is received
/// before somebody asks for a frame that is not there.
struct FrameReader {
    /// A frame grew past the limit before its NUL came.
    struct TooLong: Error {}

    private let limit: Int
    private var buffer: [UInt8]
    /// What was received and not yet taken.
    private var filled = 0..<0
    /// Up to here there is known to be no NUL.
    private var searched = 0

    init(limit: Int) {
        self.limit = limit
        // A list of twenty targets; a history's frames make it grow once.
        buffer = [UInt8](repeating: 0, count: 16 << 10)
    }

    /// Calls `body` with the next whole frame, without its NUL, if it has come; else nil.
    mutating func take<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result? {
        let start = filled.lowerBound
        let end: Int? = buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, searched < filled.upperBound,
                let nul = memchr(base + searched, 0, filled.upperBound - searched)
            else { return nil }
            return UnsafeRawPointer(nul) - base
        }
        guard (end ?? filled.upperBound) - start <= limit else { throw TooLong() }
        guard let end else {
            searched = filled.upperBound
            return nil
        }
        filled = end + 1..<filled.upperBound
        searched = end + 1
        return try buffer.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
    }

    /// Has `receive` write behind what is there; it says how many bytes.
    mutating func fill<Failure: Error>(
        _ receive: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) {
        makeRoom()
        let end = filled.upperBound
        let count = try buffer.withUnsafeMutableBufferPointer { (bytes) throws(Failure) in
            try receive(UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(bytes)[end...]))
        }
        filled = filled.lowerBound..<min(end + count, buffer.count)
    }

    /// Moves what is left to the front, and doubles the buffer where a frame does not fit. It stays below
    /// twice the limit, as a longer frame is refused first.
    private mutating func makeRoom() {
        let start = filled.lowerBound
        if start > 0 {
            let count = filled.count
            buffer.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                _ = memmove(base, base + start, count)
            }
            searched -= start
            filled = 0..<count
        }
        if filled.count * 2 > buffer.count {
            buffer.append(contentsOf: repeatElement(0, count: buffer.count))
        }
    }
}
