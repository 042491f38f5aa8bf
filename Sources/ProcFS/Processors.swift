import Glibc
import SystemPackage

/// The machine's processors, by number.
package enum Processors {
    /// Those that run now, `/sys/devices/system/cpu/online`: `0-3,8`. Where that cannot be read, as many as
    /// sysconf(3) counts.
    package static var online: [Int32] {
        let path = "/sys/devices/system/cpu/online"
        if let bytes = try? readAll(openBelow(AT_FDCWD, path), limit: 65_536) {
            let processors = parse(bytes)
            if !processors.isEmpty { return processors }
        }
        return Array(0..<Int32(clamping: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
    }

    /// A list of the kernel's (`%*pbl`): numbers and ranges. Whatever else it holds is left out.
    static func parse(_ bytes: [UInt8]) -> [Int32] {
        var result: [Int32] = []
        for part in bytes.split(whereSeparator: { $0 == UInt8(ascii: ",") || $0 <= UInt8(ascii: " ") }) {
            let ends = part.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false).map {
                Int32(String(decoding: $0, as: UTF8.self))
            }
            guard let lowest = ends[0], let highest = ends.count == 1 ? lowest : ends[1] else { continue }
            // The kernel has at most 8,192 (CONFIG_NR_CPUS).
            guard ends.count <= 2, lowest >= 0, lowest <= highest, highest < 8_192 else { continue }
            result.append(contentsOf: lowest...highest)
        }
        return result
    }
}
