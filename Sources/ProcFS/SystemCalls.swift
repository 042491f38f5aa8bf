import Glibc
import SystemPackage

/// The size of a page: `statm` counts in it.
let pageBytes = UInt64(clamping: max(sysconf(Int32(_SC_PAGESIZE)), 1))

/// What `call` returns once no signal interrupts it, or the errno it failed with.
func retryingOnInterrupt(_ call: () -> Int) throws(Errno) -> Int {
    while true {
        let result = call()
        if result >= 0 { return result }
        let code = Errno(rawValue: errno)
        if code != .interrupted { throw code }
    }
}

/// Opens `name` below `directory`, read-only unless `flags` say otherwise.
func openBelow(_ directory: Int32, _ name: String, flags: Int32 = O_RDONLY) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(
        Int32(try retryingOnInterrupt { Int(openat(directory, name, flags | O_CLOEXEC | O_NOCTTY)) }))
}

/// All of a file of unknown size, at most `limit` bytes of it.
///
/// Files of /proc say they are 0 bytes long and are made as they are read; most fit the first 4 KiB.
///
/// - Parameter isOneRecord: the file is given out whole or until the buffer is full, so that a shorter answer
///   is the end, and it needs no second read to know that.
func readAll(
    _ descriptor: borrowing OwnedDescriptor, limit: Int, isOneRecord: Bool = false
) throws(Errno) -> [UInt8] {
    let raw = descriptor.rawValue
    var bytes: [UInt8] = []
    var capacity = min(4096, limit)
    while capacity > bytes.count {
        bytes.reserveCapacity(capacity)
        let wanted = capacity - bytes.count
        var failure: Errno?
        var received = 0
        bytes.append(addingCapacity: wanted) { span in
            span.withUnsafeMutableBufferPointer { buffer, initialized in
                do throws(Errno) {
                    received = try retryingOnInterrupt { read(raw, buffer.baseAddress, wanted) }
                } catch {
                    failure = error
                }
                initialized += received
            }
        }
        if let failure { throw failure }
        if received == 0 || (isOneRecord && received < wanted) { break }
        if bytes.count == capacity { capacity = min(capacity * 4, limit) }
    }
    return bytes
}

/// What a symbolic link reads, as bytes: file names need not be UTF-8.
func readLink(_ directory: Int32, _ name: String) throws(Errno) -> [UInt8] {
    // The kernel's own buffer for the links of /proc is PATH_MAX bytes.
    var target = [CChar](repeating: 0, count: 4096)
    let capacity = target.count
    let count = try retryingOnInterrupt { readlinkat(directory, name, &target, capacity) }
    return target[0..<count].map { UInt8(bitPattern: $0) }
}

/// The names in a directory that are plain numbers, ascending.
///
func numericNames(inDirectory name: String, below directory: Int32) throws(Errno) -> [Int32] {
    let raw = Int32(
        try retryingOnInterrupt {
            Int(openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        })
    guard let stream = fdopendir(raw) else {
        let code = Errno(rawValue: errno)
        close(raw)
        throw code
    }
    defer { closedir(stream) }
    var numbers: [Int32] = []
    while true {
        errno = 0
        guard let entry = readdir(stream) else {
            let code = Errno(rawValue: errno)
            if code.rawValue != 0 { throw code }
            break
        }
        if let number = withUnsafeBytes(of: &entry.pointee.d_name, leadingNumber) { numbers.append(number) }
    }
    numbers.sort()
    return numbers
}

/// The number a NUL-terminated name consists of.
private func leadingNumber(_ name: UnsafeRawBufferPointer) -> Int32? {
    var cursor = ByteCursor(name)
    guard let value = cursor.decimal(), cursor.next == 0 else { return nil }
    return Int32(exactly: value)
}
