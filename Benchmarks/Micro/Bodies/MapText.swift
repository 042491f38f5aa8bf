import Classification
import Glibc
import MemoryModel
import ProcFS

/// A process's directory as /proc has it, made of plain files: libraries, anonymous memory, arenas, thread
/// stacks, files and shared memory in the mixture of a large server.
enum MapText {
    static let pid: Int32 = 4242

    static func process(in directory: String, areas: Int) throws -> ProcessDirectory {
        let (text, bytes) = maps(areas)
        mkdir("\(directory)/\(pid)", 0o700)
        try write(text, to: "\(directory)/\(pid)/maps")
        try write("\(bytes / 4096) 812 400 12 0 300 0\n", to: "\(directory)/\(pid)/statm")
        return try ProcRoot(path: directory).open(pid: pid)
    }

    static let evidence = ProcessEvidence(
        startBrk: 0x5555_5558_0000, startStack: 0x7fff_fffd_e000, threads: [], threadCount: 40,
        mountTypes: [:], internalDevices: InternalDevices(), pageSize: 4096)

    /// `count` lines, and the sum of their sizes.
    private static func maps(_ count: Int) -> (text: String, bytes: Int) {
        var text = ""
        var bytes = 0
        var address = 0x7f10_0000_0000
        func line(_ start: Int, _ pages: Int, _ permissions: String, _ offset: Int, _ file: String) {
            let end = start + pages * 4096
            text += "\(hex(start))-\(hex(end)) \(permissions) \(padded(hex(offset), 8)) \(file)\n"
            bytes += end - start
        }
        line(0x5555_5555_4000, 2, "r--p", 0, "fe:00 1311 /usr/bin/server")
        line(0x5555_5555_6000, 30, "r-xp", 0x2000, "fe:00 1311 /usr/bin/server")
        line(0x5555_5558_0000, 33, "rw-p", 0, "00:00 0 [heap]")
        let segments = [("r--p", 0), ("r-xp", 0x3000), ("r--p", 0x9000), ("rw-p", 0xb000)]
        var made = 4
        var turn = 0
        while made < count {
            turn += 1
            switch turn % 6 {
            case 0:
                // A library's segments.
                let file = "fe:00 \(20_000 + turn) /usr/lib/x86_64-linux-gnu/libexample\(turn).so.\(turn % 7)"
                for (permissions, offset) in segments where made < count {
                    line(address, 3, permissions, offset, file)
                    address += 3 * 4096
                    made += 1
                }
            case 1:
                line(address, 1, "---p", 0, "00:00 0 ")
                line(address + 4096, 2048, "rw-p", 0, "00:00 0 ")
                address += 2049 * 4096
                made += 2
            case 2:
                line(address, 16, "r--s", 0, "fe:00 \(90_000 + turn) /var/lib/server/segment-\(turn).dat")
                address += 16 * 4096
                made += 1
            case 3:
                line(address, 8, "rw-s", 0, "00:01 \(70_000 + turn) /dev/shm/ring-\(turn)")
                address += 8 * 4096
                made += 1
            default:
                line(address, turn % 40 + 1, turn % 5 == 0 ? "r--p" : "rw-p", 0, "00:00 0 ")
                address += (turn % 40 + 1) * 4096
                made += 1
            }
            address += turn % 3 * 4096 + 4096
        }
        line(0x7fff_fffd_d000, 33, "rw-p", 0, "00:00 0 [stack]")
        return (text, bytes)
    }

    private static func hex(_ value: Int) -> String { String(value, radix: 16) }

    private static func padded(_ text: String, _ width: Int) -> String {
        String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    private static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw MicroError("cannot write \(path)") }
        defer { fclose(file) }
        guard fputs(text, file) >= 0 else { throw MicroError("cannot write \(path)") }
    }
}

struct MicroError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
