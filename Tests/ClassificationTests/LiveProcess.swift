import Classification
import Glibc
import MemoryModel
import TestSupport

/// A look at a real process, read in the plainest way. The product's own readers have tests of
/// their own; here they would only blur what is under test.
struct LiveProcess {
    var areas: [VMA] = []
    var paths = PathTable()
    var evidence = ProcessEvidence()
    var images: ImageTable<ImageLayout> = [:]

    init(pid: Int32) throws {
        try readMaps("/proc/\(pid)/maps")
        try readStat("/proc/\(pid)/stat")
        try readThreads(pid)
        try readMounts("/proc/\(pid)/mountinfo")
        evidence.pageSize = UInt64(sysconf(Int32(_SC_PAGESIZE)))
        evidence.internalDevices = InternalDevices(
            shmem: Self.device(ofMappingWith: MAP_SHARED | MAP_ANONYMOUS),
            hugetlb: Self.device(ofMappingWith: MAP_PRIVATE | MAP_ANONYMOUS | 0x40000 | MAP_NORESERVE)
                .map { [$0] } ?? [])
        readImages(pid)
    }

    /// A look at a moment when all threads sleep, so that every stack pointer is known. A thread
    /// that has said it is ready may still be on its way to sleep, and no event tells of that.
    static func settled(pid: Int32) throws -> LiveProcess {
        var process = try LiveProcess(pid: pid)
        for _ in 0..<5000 {
            if process.evidence.threads.allSatisfy({ $0.stackPointer != nil }) { break }
            sched_yield()
            process.evidence.threads = []
            try process.readThreads(pid)
        }
        return try LiveProcess(pid: pid)
    }

    func classified(previous: [Region] = []) -> [Region] {
        var regions: [Region] = []
        Classifier().classify(
            areas: areas, paths: paths, evidence: evidence, images: images, previous: previous, into: &regions
        )
        return regions
    }

    func name(_ path: PathID) -> String { String(decoding: paths.bytes(of: path), as: UTF8.self) }

    private mutating func readMaps(_ path: String) throws {
        for line in try readText(path).split(separator: "\n") { parseLine(line) }
    }

    /// `7f…-7f… rw-p 00001000 fe:00 1234    /usr/lib/x.so`
    mutating func parseLine(_ line: Substring) {
        let words = line.split(separator: " ", maxSplits: 5)
        let range = words[0].split(separator: "-")
        let device = words[3].split(separator: ":")
        var permissions: Permissions = []
        if words[1].contains("r") { permissions.insert(.read) }
        if words[1].contains("w") { permissions.insert(.write) }
        if words[1].contains("x") { permissions.insert(.execute) }
        if words[1].contains("s") { permissions.insert(.shared) }
        let name = words.count > 5 ? words[5].drop { $0 == " " } : ""
        areas.append(
            VMA(
                start: UInt64(range[0], radix: 16) ?? 0, end: UInt64(range[1], radix: 16) ?? 0,
                permissions: permissions, offset: UInt64(words[2], radix: 16) ?? 0,
                device: DeviceNumber(
                    major: UInt32(device[0], radix: 16) ?? 0, minor: UInt32(device[1], radix: 16) ?? 0),
                inode: UInt64(words[4]) ?? 0, path: paths.intern(Array(name.utf8))))
    }

    private mutating func readStat(_ path: String) throws {
        let text = try readText(path)
        guard let parenthesis = text.lastIndex(of: ")") else { throw TestFailure("odd \(path)") }
        // The first of these is field 3.
        let fields = text[text.index(after: parenthesis)...].split(separator: " ")
        func address(_ field: Int) -> UInt64? {
            guard let value = UInt64(fields[field - 3]), value != 0 else { return nil }
            return value
        }
        evidence.threadCount = Int(fields[20 - 3])
        evidence.startStack = address(28)
        evidence.startBrk = address(47)
    }

    /// `202 0x7f… … 0xSP 0xPC`, or `running`.
    private mutating func readThreads(_ pid: Int32) throws {
        guard let directory = opendir("/proc/\(pid)/task") else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            guard let tid = Int32(name) else { continue }
            let words = (try? readText("/proc/\(pid)/task/\(tid)/syscall"))?.split { $0 == " " || $0 == "\n" }
            var pointer: UInt64?
            if let words, words.count >= 3 {
                pointer = UInt64(words[words.count - 2].dropFirst(2), radix: 16)
            }
            evidence.threads.append(ThreadEvidence(tid: tid, stackPointer: pointer, isMain: tid == pid))
        }
    }

    /// `22 1 0:20 / /dev/shm rw - tmpfs tmpfs rw`
    private mutating func readMounts(_ path: String) throws {
        for line in try readText(path).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let dash = words.firstIndex(of: "-"), dash + 1 < words.count else { continue }
            let device = words[2].split(separator: ":").compactMap { UInt32($0) }
            evidence.mountTypes[DeviceNumber(major: device[0], minor: device[1])] = String(words[dash + 1])
        }
    }

    private mutating func readImages(_ pid: Int32) {
        for (key, area) in Classifier.imagesToRead(areas: areas, paths: paths, evidence: evidence) {
            let range = String(area.start, radix: 16) + "-" + String(area.end, radix: 16)
            let layout = Self.layout("/proc/\(pid)/map_files/\(range)") ?? Self.layout(name(area.path))
            images.set(key, layout ?? .unreadable)
        }
    }

    private static func layout(_ path: String) -> ImageLayout? {
        guard let bytes = try? readBytes(path, limit: 1 << 16) else { return nil }
        return ELFImage(parsing: bytes).map { .elf($0) } ?? .notELF
    }

    /// The device number that the kernel gives such a mapping of this process.
    private static func device(ofMappingWith flags: Int32) -> DeviceNumber? {
        let mapping = mmap(nil, 2 << 20, PROT_READ, flags, -1, 0)
        guard let mapping, mapping != MAP_FAILED else { return nil }
        defer { munmap(mapping, 2 << 20) }
        let start = String(UInt(bitPattern: mapping), radix: 16) + "-"
        var own = LiveProcess()
        guard let text = try? readText("/proc/self/maps") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix(start) { own.parseLine(line) }
        return own.areas.first?.device
    }

    private init() {}

    /// From text as maps prints it, and nothing else known.
    init(lines: String) {
        for line in lines.split(separator: "\n") { parseLine(line) }
    }
}
