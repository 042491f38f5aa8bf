import SystemPackage

/// The first 64 KiB of a file of the kernel's, which has no size; nil where it cannot be read.
func readSmallFile(_ path: String) -> [UInt8]? {
    guard let descriptor = try? FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec) else {
        return nil
    }
    defer { try? descriptor.close() }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while bytes.count < 1 << 16 {
        guard let count = try? chunk.withUnsafeMutableBytes({ try descriptor.read(into: $0) }) else {
            return nil
        }
        if count == 0 { break }
        bytes.append(contentsOf: chunk[..<count])
    }
    return bytes
}
