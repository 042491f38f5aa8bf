import Glibc

/// The processors that run now, `/sys/devices/system/cpu/online`: `0-3,8`. Where that cannot be read, as many
/// as sysconf(3) counts.
func onlineProcessors() -> [Int32] {
    if let bytes = readSmallFile("/sys/devices/system/cpu/online") {
        let processors = parseProcessorList(bytes)
        if !processors.isEmpty { return processors }
    }
    return Array(0..<Int32(clamping: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
}

/// A list of the kernel's (`%*pbl`): numbers and ranges. Whatever else it holds is left out.
func parseProcessorList(_ bytes: [UInt8]) -> [Int32] {
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

/// Where a cgroup2 hierarchy is mounted, from the text of `/proc/self/mounts`: `/sys/fs/cgroup`, or
/// `/sys/fs/cgroup/unified` beside hierarchies of version 1.
func cgroup2Mount(in mounts: [UInt8]) -> String? {
    for line in mounts.split(separator: UInt8(ascii: "\n")) {
        let fields = line.split(separator: UInt8(ascii: " "))
        if fields.count >= 3, fields[2].elementsEqual("cgroup2".utf8) {
            return String(decoding: fields[1], as: UTF8.self)
        }
    }
    return nil
}

/// The threads of a process, from `/proc/[pid]/task`; none where there is no such process.
func threads(of pid: Int32) -> [Int32] {
    guard let directory = opendir("/proc/\(pid)/task") else { return [] }
    defer { closedir(directory) }
    var result: [Int32] = []
    while let entry = readdir(directory) {
        var number: Int32 = 0
        let isNumber = withUnsafeBytes(of: &entry.pointee.d_name) { name in
            for byte in name {
                if byte == 0 { return number > 0 }
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return false }
                let (tens, overflow) = number.multipliedReportingOverflow(by: 10)
                guard !overflow else { return false }
                number = tens &+ Int32(byte &- UInt8(ascii: "0"))
            }
            return false
        }
        if isNumber { result.append(number) }
    }
    return result
}
