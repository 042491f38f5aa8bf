import Glibc
import MemoryModel
import ProcFS
import Testing

@Suite struct ImageTests {
    private let elf: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]

    private func look(_ process: ProcessDirectory) throws -> MapsLook {
        var look = MapsLook()
        try process.look(into: &look)
        return look
    }

    private func openImage(_ look: MapsLook, _ process: ProcessDirectory, _ path: String) -> ImageFile? {
        guard let area = look.areas.first(where: { look.paths.bytes(of: $0.path).elementsEqual(path.utf8) })
        else {
            return nil
        }
        return process.openImage(of: area, path: Array(path.utf8))
    }

    /// The two parts of a `dev_t`, as gnu_dev_major(3) takes them out.
    private static func device(_ number: dev_t) -> DeviceNumber {
        DeviceNumber(
            major: UInt32(truncatingIfNeeded: number >> 8) & 0xfff,
            minor: UInt32(truncatingIfNeeded: number & 0xff | number >> 12 & 0xfff00))
    }

    @Test("Every file of a process opens and is read within its bounds")
    func libraries() throws {
        let subject = try Subject("wait")
        let process = try subject.open()
        let look = try look(process)
        for area in look.areas where area.inode != 0 {
            let name = Array(look.paths.bytes(of: area.path))
            let image = try #require(process.openImage(of: area, path: name))
            #expect(image.read(offset: 0, count: 4) == elf)
            #expect(image.key.inode == area.inode)
            #expect(image.read(offset: image.key.sizeBytes, count: 4) == [])
            #expect(image.read(offset: image.key.sizeBytes - 1, count: 4).count == 1)
            #expect(image.read(offset: .max, count: .max) == [])
            #expect(image.read(offset: 0, count: -1) == [] && image.read(offset: 0, count: .min) == [])
            #expect(image.read(offset: 0, count: .max).count <= ImageFile.maximumReadBytes)
        }
        #expect(process.openImage(of: try #require(look.areas.last), path: []) == nil)
    }

    @Test("The program of a process is read after it was deleted and another took its name")
    func deleted() throws {
        let directory = try TemporaryDirectory()
        let program = directory.path + "/program"
        #expect(run("/usr/bin/env", "cp", try Subject.program.get(), program) == 0)
        let subject = try Subject("wait", program: program)
        unlink(program)
        let descriptor = open(program, O_WRONLY | O_CREAT, 0o755)
        write(descriptor, "pretender", 9)
        close(descriptor)
        let process = try subject.open()
        let look = try look(process)
        let image = try #require(openImage(look, process, program + " (deleted)"))
        #expect(image.read(offset: 0, count: 4) == elf)
        #expect(try process.executable() == Array((program + " (deleted)").utf8))
        // The living file has another inode, so its name leads nowhere.
        var other = try #require(look.areas.first { $0.inode != 0 })
        other.start = 0x1000
        other.inode = 1
        #expect(process.openImage(of: other, path: Array(program.utf8)) == nil)
    }

    @Test("A name that now is a FIFO, a device or a link to one is neither opened nor waited for")
    func special() throws {
        let directory = try TemporaryDirectory()
        let process = try ProcRoot().open(pid: getpid())
        let fifo = directory.path + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        symlink("/dev/zero", directory.path + "/zero")
        symlink("/proc/self/fd/0", directory.path + "/magic")
        for path in [
            fifo, directory.path + "/zero", "/dev/null", directory.path + "/magic", directory.path,
            "relative", "",
        ] {
            var status = stat()
            stat(path, &status)
            let area = VMA(
                start: 0x1000, end: 0x2000, permissions: .read, device: Self.device(status.st_dev),
                inode: UInt64(status.st_ino), path: .none)
            #expect(process.openImage(of: area, path: Array(path.utf8)) == nil, "\(path)")
        }
        // NUL and overlong names end at the check, not in the kernel.
        let area = VMA(start: 0x1000, end: 0x2000, permissions: .read, inode: 7)
        #expect(process.openImage(of: area, path: [0x2f, 0, 0x2f]) == nil)
        #expect(process.openImage(of: area, path: [0x2f] + Array(repeating: 0x61, count: 1 << 20)) == nil)
    }

}
