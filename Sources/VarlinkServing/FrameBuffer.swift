import Glibc
import NIOCore

/// Cuts a byte stream into frames: whatever stands between NULs.
///
/// It holds what was received and not yet taken, so its owner bounds it by not reading on
/// while there are frames to take.
struct FrameBuffer {
    /// A frame grew past the limit before its NUL came.
    struct TooLong: Error { let limit: Int }

    private let limit: Int
    private var bytes = ByteBuffer()
    /// How many readable bytes are known to hold no NUL, so that a long frame that arrives in
    /// small pieces is searched once and not once per piece.
    private var searched = 0

    init(limit: Int) { self.limit = limit }

    /// No byte of a further frame has come.
    var isEmpty: Bool { bytes.readableBytes == 0 }

    mutating func append(_ received: inout ByteBuffer) {
        if bytes.readableBytes == 0 {
            bytes = received
            received.moveReaderIndex(to: received.writerIndex)
        } else {
            bytes.writeBuffer(&received)
        }
    }

    /// The next whole frame without its NUL; nil until one is there.
    mutating func next() throws(TooLong) -> [UInt8]? {
        let found: Int? = bytes.withUnsafeReadableBytes { buffer in
            guard let base = buffer.baseAddress, searched < buffer.count,
                let nul = memchr(base + searched, 0, buffer.count - searched)
            else { return nil }
            return UnsafeRawPointer(nul) - base
        }
        guard (found ?? bytes.readableBytes) <= limit else { throw TooLong(limit: limit) }
        guard let found else {
            searched = bytes.readableBytes
            return nil
        }
        let frame = bytes.readBytes(length: found)
        bytes.moveReaderIndex(forwardBy: 1)
        searched = 0
        if bytes.readableBytes == 0 {
            // Give the memory of a long frame back; most connections are idle most of the time.
            bytes = ByteBuffer()
        } else if bytes.readerIndex > 64 << 10 {
            bytes.discardReadBytes()
        }
        return frame
    }

    /// Forgets everything: after a violation nothing that follows can be trusted.
    mutating func removeAll() {
        bytes = ByteBuffer()
        searched = 0
    }
}
