import Glibc
import MemoryModel
import Testing

@testable import ProcFS

@Suite struct DescriptorTests {
    /// What this process holds open below `/proc/[pid]`, or as a pidfd of it, or in
    /// `directory`. Only one test's subject has these names, so other tests do not disturb.
    private func open(of pid: Int32, in directory: String) -> [String] {
        guard let entries = opendir("/proc/self/fd") else { return [] }
        defer { closedir(entries) }
        var found: [String] = []
        while let entry = readdir(entries) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            var target = [CChar](repeating: 0, count: 4096)
            let count = readlink("/proc/self/fd/" + name, &target, target.count)
            guard count > 0 else { continue }
            let link = String(decoding: target[0..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let isPidfd = link.contains("pidfd") && pidOfPidfd(name) == pid
            if link == "/proc/\(pid)" || link.hasPrefix("/proc/\(pid)/") || link.hasPrefix(directory)
                || isPidfd
            {
                found.append(link)
            }
        }
        return found
    }

    private func pidOfPidfd(_ name: String) -> Int32? {
        guard let file = fopen("/proc/self/fdinfo/" + name, "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, 256, file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text.hasPrefix("Pid:") { return Int32(text.dropFirst(4).filter { $0.isNumber }) }
        }
        return nil
    }

    @Test("Nothing stays open: neither after use, nor after errors, nor of a process that died")
    func leaks() throws {
        let directory = try TemporaryDirectory()
        let program = directory.path + "/program"
        #expect(run("/usr/bin/env", "cp", try Subject.program.get(), program) == 0)
        let subject = try Subject("many", "300", program: program)
        let pid = subject.pid
        func held() -> [String] { open(of: pid, in: directory.path) }
        #expect(held() == [])

        // First that a leak would be seen.
        let leaked = Glibc.open("/proc/\(pid)/maps", O_RDONLY | O_CLOEXEC)
        #expect(held() == ["/proc/\(pid)/maps"])
        close(leaked)

        do {
            let process = try subject.open()
            func useAll() {
                var look = MapsLook()
                try? process.look(into: &look)
                try? process.look(into: &look, limitBytes: 100)
                _ = try? process.describe()
                _ = try? process.threadIDs()
                _ = process.stackPointer(ofThread: pid)
                _ = process.stackPointer(ofThread: 1)
                _ = process.stackLimit()
                _ = process.mountTypes()
                _ = process.mapsOwner()
                for area in look.areas {
                    _ = process.openImage(of: area, path: Array(look.paths.bytes(of: area.path)))
                    _ = process.residentBytes(start: area.start, end: area.end)
                }
            }
            useAll()
            #expect(held().sorted() == ["/proc/\(pid)", "/proc/\(pid)/statm"])
            process.closeStatm()
            process.closeStatm()
            #expect(held() == ["/proc/\(pid)"])
            _ = try process.statm()
            subject.kill()
            useAll()
            // Of a dead process the links say "(deleted)".
            #expect(held().count <= 2)
        }
        #expect(held() == [])
    }

    @Test("Whatever the limit of open files, what is only kept to save time leaves room for what is needed")
    func budget() {
        for soft in [0, 1, 64, 256, 1_024, 8_192, 20_000, 131_072, 1 << 30] {
            let limits = DescriptorBudget.Limits(soft: soft)
            #expect(limits.plenty >= soft / 2 && soft - limits.plenty >= min(soft / 2, 2_048))
            #expect(limits.few >= limits.plenty && soft - limits.few >= min(soft / 4, 1_024))
        }
    }
}
