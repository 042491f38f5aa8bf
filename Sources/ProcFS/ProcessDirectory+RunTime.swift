import Glibc
import SystemPackage

/// How long and how often a thread has been on a processor, `/proc/[pid]/schedstat` (Linux 2.6.9;
/// CONFIG_SCHED_INFO, which every distribution has).
package struct RunTime: Hashable, Sendable {
    /// Nanoseconds on a processor. Brought up to date when the thread leaves it, and at every timer tick.
    package var ranNanoseconds: UInt64
    /// How often it was put on one. Counted at that instant.
    package var slices: UInt64
}

extension ProcessDirectory {
    /// The run time of the process's first thread, readable by everyone: 4 µs, of which opening is most. No
    /// descriptor of it is kept: it is asked for every ten seconds, and descriptors are few.
    ///
    /// nil where the kernel does not count (it prints zeros), and on any failure.
    package func runTime() -> RunTime? {
        guard let descriptor = try? openBelow(directory.rawValue, "schedstat") else { return nil }
        var buffer = InlineArray<64, UInt8>(repeating: 0)
        var span = buffer.mutableSpan
        return span.withUnsafeMutableBytes { bytes in
            let raw = descriptor.rawValue
            guard let count = try? retryingOnInterrupt({ read(raw, bytes.baseAddress, bytes.count) }) else {
                return nil
            }
            return RunTime(parsing: UnsafeRawBufferPointer(rebasing: bytes[0..<count]))
        }
    }
}

extension RunTime {
    /// Reads `1021345 22045 17`: run, waited, slices.
    init?(parsing bytes: UnsafeRawBufferPointer) {
        var cursor = ByteCursor(bytes)
        guard let ran = cursor.decimal() else { return nil }
        cursor.skipBlanks()
        guard cursor.decimal() != nil else { return nil }
        cursor.skipBlanks()
        guard let slices = cursor.decimal(), slices > 0 else { return nil }
        self.init(ranNanoseconds: ran, slices: slices)
    }
}
