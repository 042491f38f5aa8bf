import Glibc
import MemoryModel
import SystemPackage
import Testing

@testable import ProcFS

func fixtureBytes(_ name: String) throws -> [UInt8] {
    try readAll(openBelow(AT_FDCWD, fixture(name)), limit: 16 << 20)
}

func write(_ text: String, to path: String) throws {
    let descriptor = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .truncate],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    try descriptor.closeAfter { _ = try descriptor.writeAll(text.utf8) }
}

/// Trees captured by `Fixtures/capture.sh`: 2 kthreadd, 1001 sleep, 1002 python3 with threads,
/// 1003 a static program, 1004 a zombie.
@Suite struct FixtureTests {
    let root = ProcRoot(path: fixture("proc"))

    @Test("A captured tree is read like the real one", arguments: [1001, 1002, 1003] as [Int32])
    func look(pid: Int32) throws {
        let process = try root.open(pid: pid)
        var look = MapsLook()
        try process.look(into: &look)
        #expect(look.isConsistent && look.vsyscallBytes == 4096)
        LookTests.expectSound(look)
        #expect(LookTests.sum(look) == look.sizeBytes)
        let status = try process.status()
        #expect(status.vmSizeBytes == look.sizeBytes)
        #expect(
            status.rssBytes
                == status.rssAnonBytes.map { $0 + (status.rssFileBytes ?? 0) + (status.rssShmemBytes ?? 0) })
        #expect(status.uids == CredentialIDs(real: 0, effective: 0, saved: 0, filesystem: 0))
        #expect(status.tracer == 0)
        #expect(status.isKernelThread == false && status.permittedCapabilities == 0x1ff_feff_ffff)
        let stat = try process.stat()
        let startBrk = try #require(stat.startBrk)
        let heap = look.areas.first { look.paths.bytes(of: $0.path).elementsEqual("[heap]".utf8) }
        #expect(heap?.start == startBrk)
        let stack = try #require(
            look.areas.first { look.paths.bytes(of: $0.path).elementsEqual("[stack]".utf8) })
        #expect(stat.startStack.map { stack.start <= $0 && $0 < stack.end } == true)
        #expect(process.stackLimit() == 8 << 20)
        #expect(process.mountTypes()[DeviceNumber(major: 254, minor: 0)] == "ext4")
    }

    @Test("What a captured process is")
    func description() throws {
        let description = try root.open(pid: 1002).describe()
        #expect(description.comm == Array("python3".utf8))
        #expect(
            description.unit == "example.service" && description.cgroup == "/system.slice/example.service")
        #expect(description.uid == 0 && description.exe == nil)
        #expect(description.identity.bootID == "0f9b4f6e-5d3c-4d0a-9a52-7d1c2b3a4e5f")
        // A number in a captured tree is no process of this system.
        #expect(description.identity.pidfdInode == nil)
        let seconds = Int64(1_700_000_000) + Int64(description.identity.startTicks / 100)
        #expect(description.started.map { $0.microseconds / 1_000_000 } == seconds)
        #expect(try root.open(pid: 1002).status().threads == 5)
    }

    @Test("Kernel threads and zombies are known from a captured tree too")
    func withoutMemory() throws {
        var look = MapsLook()
        let thread = try root.open(pid: 2)
        #expect(throws: ProcError.noMemory(pid: 2, state: .kernelThread)) { try thread.look(into: &look) }
        #expect(try thread.status().isKernelThread == true)
        let zombie = try root.open(pid: 1004)
        #expect(throws: ProcError.noMemory(pid: 1004, state: .zombie)) { try zombie.look(into: &look) }
        #expect(try zombie.stat().startBrk == nil)
    }

    @Test("The system's own figures come from the given root")
    func system() throws {
        #expect(root.maximumPID() == 4_194_304 && root.maxMapCount() == 65_530)
        #expect(root.bootTime() == Timestamp(seconds: 1_700_000_000))
        #expect(try root.processIDs() == [2, 1001, 1002, 1003, 1004])
        let empty = ProcRoot(path: fixture("proc/sys"))
        #expect(empty.bootID() == nil && empty.bootTime() == nil && empty.maxMapCount() == nil)
        #expect(throws: ProcError.gone(pid: 77)) { try root.open(pid: 77) }
        #expect(throws: ProcError.system(path: "/nonexistent", errno: .noSuchFileOrDirectory)) {
            try ProcRoot(path: "/nonexistent").processIDs()
        }
    }
}
