import Glibc
import MemoryModel
import ProcFS
import Testing

/// What another user may read: FACTS of the kernel that the access rule stands on.
@Suite(.needsRoot, .serialized) struct AccessTests {
    @Test("Another user gets no maps of root's process, is told so, and sees no addresses")
    func denied() throws {
        let subject = try Subject("threads", "1")
        let pid = subject.pid
        let asRoot = try subject.open().stat()
        #expect(asRoot.startBrk != nil && asRoot.startCode != nil && asRoot.startStack != nil)

        struct Seen: Sendable {
            var look: ProcError?
            var statm: Statm?
            var stat: ProcessStat?
            var vmSize: UInt64?
            var exe: [UInt8]?
            var stackPointer: StackPointerReading?
            var image: Bool
            var resident: UInt64?
            var description: ProcessDescription?
        }
        var look = MapsLook()
        try subject.open().look(into: &look)
        let text = try #require(look.areas.first { $0.inode != 0 })
        let name = Array(look.paths.bytes(of: text.path))
        let start = try #require(look.areas.first).start
        let seen = asUser(65_534) { () -> Seen? in
            guard let process = try? ProcRoot().open(pid: pid) else { return nil }
            var look = MapsLook()
            var error: ProcError?
            do throws(ProcError) { try process.look(into: &look) } catch let thrown { error = thrown }
            return Seen(
                look: error, statm: try? process.statm(), stat: try? process.stat(),
                vmSize: try? process.status().vmSizeBytes, exe: try? process.executable(),
                stackPointer: process.stackPointer(ofThread: pid),
                image: process.openImage(of: text, path: name) != nil,
                resident: process.residentBytes(start: start, end: start + 4096),
                description: try? process.describe())
        }
        let other = try #require(seen.flatMap { $0 }, "the thread could not become another user")
        #expect(other.look == .denied(path: "/proc/\(pid)/maps"))
        #expect(other.statm?.sizeBytes == other.vmSize && other.vmSize != nil)
        #expect(other.stat?.startTicks == asRoot.startTicks)
        #expect(other.stat?.startBrk == nil && other.stat?.startCode == nil && other.stat?.startStack == nil)
        #expect(other.exe == nil && other.stackPointer == .denied && !other.image && other.resident == nil)
        #expect(other.description?.exe == nil && other.description?.comm.isEmpty == false)
    }

    @Test("A user's own process is read whole without root, its images through exe and root")
    func own() throws {
        let program = try Subject.program.get()
        let setpriv = "/usr/bin/setpriv"
        try #require(access(setpriv, X_OK) == 0, "needs setpriv of util-linux")
        let subject = try Subject(
            "--reuid", "65534", "--regid", "65534", "--clear-groups", program, "wait", program: setpriv)
        let pid = subject.pid
        let images = asUser(65_534) { () -> [Bool]? in
            guard let process = try? ProcRoot().open(pid: pid) else { return nil }
            var look = MapsLook()
            guard (try? process.look(into: &look)) != nil, look.isConsistent else { return nil }
            return look.areas.filter { $0.inode != 0 }.map {
                process.openImage(of: $0, path: Array(look.paths.bytes(of: $0.path)))?
                    .read(offset: 0, count: 4) == [0x7f, 0x45, 0x4c, 0x46]
            }
        }
        let opened = try #require(images.flatMap { $0 })
        #expect(opened.count > 5 && opened.allSatisfy { $0 })
    }
}
