import Classification
import Glibc
import MemoryModel
import TestSupport
import Testing

@Suite("Real programs")
struct RealProgramTests {
    /// What must hold for any process.
    private func check(
        _ process: LiveProcess, sourceLocation: SourceLocation = #_sourceLocation
    ) -> [Region] {
        let regions = process.classified()
        expectCover(regions, process.areas, sourceLocation: sourceLocation)
        for thread in process.evidence.threads {
            guard let pointer = thread.stackPointer,
                let region = regions.first(where: { $0.start <= pointer && pointer < $0.end })
            else { continue }
            let wanted: RegionKind = thread.isMain ? .stack : .threadStack
            #expect(
                region.kind == wanted, "thread \(thread.tid) is on \(region)", sourceLocation: sourceLocation)
            if !thread.isMain {
                #expect(region.tid == thread.tid, "\(region)", sourceLocation: sourceLocation)
                // 64 MiB is more than any stack here has.
                #expect(region.size <= 16 << 20, "\(region)", sourceLocation: sourceLocation)
            }
        }
        #expect(regions.contains { $0.kind == .text }, sourceLocation: sourceLocation)
        #expect(process.classified(previous: regions) == regions, sourceLocation: sourceLocation)
        return regions
    }

    private func bytes(_ regions: [Region], _ kind: RegionKind) -> UInt64 { KindTotals(of: regions)[kind] }

    @Test("python3: its threads' stacks are theirs", .requiresTool("python3"))
    func python() throws {
        let script = """
            import threading, ctypes, ssl, zlib
            for _ in range(6): threading.Thread(target=threading.Event().wait, daemon=True).start()
            print(" ".join(str(t.native_id) for t in threading.enumerate() if t is not threading.main_thread()), flush=True)
            input()
            """
        let child = try ChildProcess("python3", ["-c", script])
        let tids = try #require(try child.nextLine()).split(separator: " ").compactMap { Int32($0) }
        #expect(tids.count == 6)
        let process = try LiveProcess.settled(pid: child.pid)
        let regions = check(process)
        let owners = regions.filter { $0.kind == .threadStack }.map(\.tid)
        #expect(Set(owners) == Set(tids))
        for index in regions.indices where regions[index].kind == .threadStack {
            #expect(regions[index].size == 8 << 20)
            #expect(regions[index - 1].kind == .guardPages)
        }
        #expect(bytes(regions, .heap) > 0)
        #expect(bytes(regions, .bss) > 0)
    }

    @Test(
        "a JVM's heap of 64 MiB is no arena, its code is jit, its threads have stacks", .requiresTool("java"))
    func java() throws {
        let directory = try TemporaryDirectory()
        let source = try directory.write(
            """
            public class Main {
                public static void main(String[] a) throws Exception {
                    for (int i = 0; i < 4; i++) {
                        Thread t = new Thread(() -> { try { Thread.sleep(1000000); } catch (Exception e) {} });
                        t.setDaemon(true);
                        t.start();
                    }
                    System.out.println("ready");
                    System.in.read();
                }
            }
            """, to: "Main.java")
        let child = try ChildProcess("java", ["-Xmx64m", "-XX:+UseSerialGC", source])
        #expect(try child.nextLine() == "ready")
        let process = try LiveProcess.settled(pid: child.pid)
        let regions = check(process)
        // With compressed pointers the object heap lies below 4 GiB.
        let objects = regions.filter { $0.start < 1 << 32 && [.anon, .arena, .reserved].contains($0.kind) }
        #expect(objects.contains { $0.kind == .anon })
        #expect(!objects.contains { $0.kind == .arena }, "\(objects)")
        #expect(bytes(regions, .jit) > 1 << 20)
        #expect(regions.count { $0.kind == .threadStack } > 10)

        // With every stack pointer denied, shape alone finds the same.
        var denied = process
        denied.evidence.threads = []
        func places(_ regions: [Region]) -> Set<UInt64> {
            Set(regions.filter { $0.kind == .threadStack }.map(\.start))
        }
        #expect(places(denied.classified()) == places(regions))
    }

    @Test("node: workers' stacks, jit, and a heap that is not mistaken for arenas", .requiresTool("node"))
    func node() throws {
        let child = try ChildProcess(
            "node",
            [
                "-e",
                """
                const { Worker } = require('worker_threads');
                const w = new Worker('setInterval(() => {}, 1e6); require("worker_threads").parentPort.postMessage(1)', { eval: true });
                w.on('message', () => console.log('ready'));
                """,
            ])
        #expect(try child.nextLine() == "ready")
        let process = try LiveProcess.settled(pid: child.pid)
        let regions = check(process)
        #expect(regions.count { $0.kind == .threadStack } >= 5)
        #expect(bytes(regions, .jit) > 0)
        #expect(bytes(regions, .reserved) > 0)
    }

    @Test(
        "PostgreSQL: buffers are shared, and a process without threads has no thread's stack",
        .requires(
            "tool-postgres", RealProgramTests.postgres != nil && geteuid() == 0,
            "PostgreSQL and root to start it")
    )
    func postgresql() throws {
        let server = try #require(Self.postgres)
        let directory = try TemporaryDirectory()
        let account = try #require(getpwnam("postgres")?.pointee)
        chown(directory.path, account.pw_uid, account.pw_gid)
        let asUser = ["-u", "postgres", "--"]
        let binaries = server.split(separator: "/").dropLast().joined(separator: "/")
        try run(
            "runuser", asUser + ["/\(binaries)/initdb", "-D", directory.file("data"), "-A", "trust", "-N"])
        let child = try ChildProcess(
            "runuser",
            asUser + [
                server, "-D", directory.file("data"), "-k", directory.path, "-c", "listen_addresses=",
                "-c", "shared_buffers=64MB",
            ], errorsToOutput: true)
        defer {
            // runuser hands the signal on, and waits.
            child.signal(SIGTERM)
            _ = try? child.waitForExit()
        }
        var pid: Int32?
        while let line = try child.nextLine() {
            if line.contains("ready to accept connections") { break }
        }
        let lines = try readText(directory.file("data/postmaster.pid")).split(separator: "\n")
        pid = lines.first.flatMap { Int32($0) }
        let process = try LiveProcess(pid: try #require(pid))
        let regions = check(process)
        #expect(bytes(regions, .shared) >= 64 << 20)
        #expect(bytes(regions, .threadStack) == 0)
        #expect(bytes(regions, .arena) == 0)
    }

    static var postgres: String? {
        for version in stride(from: 20, through: 11, by: -1) {
            let path = "/usr/lib/postgresql/\(version)/bin/postgres"
            if access(path, X_OK) == 0 { return path }
        }
        return nil
    }

    @Test("every process of this machine adds up")
    func everyProcess() throws {
        let directory = try #require(opendir("/proc"))
        defer { closedir(directory) }
        var seen = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            guard let pid = Int32(name), let process = try? LiveProcess(pid: pid), !process.areas.isEmpty
            else {
                continue
            }
            let look = process
            // Other processes change while they are read: a torn look is not what is tested here.
            guard zip(look.areas, look.areas.dropFirst()).allSatisfy({ $0.end <= $1.start }) else { continue }
            let regions = look.classified()
            expectCover(regions, look.areas)
            checkBss(look, regions)
            seen += 1
        }
        #expect(seen > 1)
    }

    /// Every library's anonymous tail is bss where its header says there is one.
    private func checkBss(_ process: LiveProcess, _ regions: [Region]) {
        for (key, layout) in zip(process.images.keys, process.images.values) {
            guard case .elf(let image) = layout,
                let last = image.segments.last(where: { $0.isWritable }), last.filesz > 0
            else { continue }
            let stored = (last.vaddr + last.filesz + 4095) / 4096
            let needed = (last.vaddr + last.memsz + 4095) / 4096
            // The file's last writable mapping ends where the anonymous tail begins.
            guard needed > stored,
                let index = regions.lastIndex(where: {
                    $0.inode == key.inode && $0.device == key.device && $0.kind == .data
                }), index + 1 < regions.count, regions[index + 1].start == regions[index].end
            else { continue }
            let tail = regions[index + 1]
            guard tail.inode == 0 else { continue }
            #expect(tail.kind == .bss, "\(tail) behind \(process.name(regions[index].path))")
            #expect(
                tail.size == (needed - stored) * 4096, "\(tail) behind \(process.name(regions[index].path))")
        }
    }
}
