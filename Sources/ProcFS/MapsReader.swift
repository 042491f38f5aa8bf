import Glibc
import MemoryModel
import SystemPackage

/// Reads the text of maps as a stream through one buffer, and parses it where it lies.
///
/// One read(2) gives at most 4,085 bytes however large the buffer is (one kernel page of
/// whole lines), 16,372 once a line has been longer than a page; neither is relied on.
struct MapsReader {
    enum Failure: Error, Equatable {
        case system(Errno)
        case malformed(line: Int, field: String)
    }

    private let descriptor: Int32
    private let limitBytes: Int
    private var buffer: UnsafeMutableRawBufferPointer

    private(set) var bytesRead = 0
    private(set) var isTruncated = false
    /// Sizes of all areas but `[vsyscall]`.
    private(set) var sumBytes: UInt64 = 0
    /// False once an area begins below the end of the one before.
    private(set) var isOrdered = true

    init(descriptor: Int32, limitBytes: Int, bufferBytes: Int = 16_384) {
        self.descriptor = descriptor
        self.limitBytes = limitBytes
        buffer = .allocate(byteCount: max(bufferBytes, 1), alignment: 16)
    }

    func deallocate() { buffer.deallocate() }

    /// Reads to the end of file or the limit.
    mutating func readAll(into look: inout MapsLook) throws(Failure) {
        var parser = MapsParser()
        var filled = 0
        while true {
            if filled == buffer.count { try enlarge(keeping: filled, line: parser.lineNumber) }
            let received: Int
            do throws(Errno) {
                received = try retryingOnInterrupt { [buffer, descriptor] in
                    read(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
                }
            } catch {
                throw .system(error)
            }
            if received == 0 {
                guard filled == 0 else {
                    throw .malformed(line: parser.lineNumber, field: "end of the line")
                }
                break
            }
            bytesRead += received
            filled += received
            let used = try parser.parse(UnsafeRawBufferPointer(rebasing: buffer[0..<filled]), into: &look)
            // Lines seldom straddle reads, so this mostly moves nothing.
            if used > 0, used < filled, let base = buffer.baseAddress {
                memmove(base, base + used, filled - used)
            }
            filled -= used
            // Nothing comes behind the kernel's own page: the end need not be asked for.
            if filled == 0, look.vsyscallBytes != 0 { break }
            if bytesRead >= limitBytes {
                isTruncated = true
                break
            }
        }
        sumBytes = parser.sumBytes
        isOrdered = parser.isOrdered
    }

    /// For a line longer than the buffer. A name is at most a page, four times that where
    /// every byte of it is a newline (`\012`).
    private mutating func enlarge(keeping filled: Int, line: Int) throws(Failure) {
        guard buffer.count < 1 << 20 else { throw .malformed(line: line, field: "length") }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: buffer.count * 2, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[0..<filled]))
        buffer.deallocate()
        buffer = larger
    }
}
