import Glibc
import Inspection
import MemoryModel
import ProcFS
import TestSupport
import Testing

@Suite("Real programs add up")
struct RealProgramTests {
    /// A look at a program that is idle: consistent, right in every sum, and with the parts that
    /// every program has.
    private func checked(
        _ pid: Int32, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ProcessInspection {
        let look = try settledLook(pid: pid)
        #expect(mistake(look) == nil, sourceLocation: sourceLocation)
        #expect(!look.isTruncated, sourceLocation: sourceLocation)
        for kind: RegionKind in [.text, .rodata, .data, .stack, .vdso] {
            #expect(look.bytes(kind) > 0, "no \(kind)", sourceLocation: sourceLocation)
        }
        let threads = Set(threadIDs(pid))
        for region in look.regions where region.tid != 0 {
            #expect(region.kind == .threadStack, "\(region)", sourceLocation: sourceLocation)
            #expect(threads.contains(region.tid), "\(region)", sourceLocation: sourceLocation)
        }
        return look
    }

    @Test(
        "python3 with numpy",
        .requires("tool-numpy", RealProgramTests.hasNumpy, "python3 has no numpy"))
    func numpy() throws {
        let script = """
            import numpy
            block = numpy.zeros(32 << 20, dtype=numpy.uint8)
            print(hex(block.ctypes.data), flush=True)
            input()
            """
        let child = try ChildProcess("python3", ["-c", script])
        let address = try #require(try child.nextLine().flatMap { UInt64($0.dropFirst(2), radix: 16) })
        let look = try checked(child.pid)
        #expect(look.sample.isConsistent)
        // In two areas or three: numpy asks for huge pages in the middle.
        let block = look.regions.filter { $0.end > address && $0.start < address + 32 << 20 }
        #expect(block.allSatisfy { $0.kind == .anon })
        #expect(block.reduce(0) { $0 + $1.size } >= 32 << 20)
        #expect(look.bytes(.heap) > 0)
    }

    static let hasNumpy = (try? run("python3", ["-c", "import numpy"])) != nil

    @Test("a Java machine", .requiresTool("java"))
    func java() throws {
        let directory = try TemporaryDirectory()
        let source = try directory.write(
            """
            public class Main {
                public static void main(String[] a) throws Exception {
                    System.out.println("ready");
                    System.in.read();
                }
            }
            """, to: "Main.java")
        let child = try ChildProcess("java", ["-Xmx64m", "-XX:+UseSerialGC", source])
        #expect(try child.nextLine() == "ready")
        let look = try checked(child.pid)
        #expect(look.bytes(.jit) > 0 && look.bytes(.threadStack) > 0 && look.bytes(.reserved) > 0)
    }

    @Test("node", .requiresTool("node"))
    func node() throws {
        let child = try ChildProcess(
            "node", ["-e", "console.log('ready'); process.stdin.resume()"])
        #expect(try child.nextLine() == "ready")
        let look = try checked(child.pid)
        #expect(look.bytes(.jit) > 0 && look.bytes(.threadStack) > 0 && look.bytes(.reserved) > 0)
    }

    @Test(
        "PostgreSQL",
        .requires(
            "tool-postgres", RealProgramTests.postgres != nil && geteuid() == 0,
            "PostgreSQL is not installed, or there is no root to start it"))
    func postgresql() throws {
        let server = try #require(Self.postgres)
        let directory = try TemporaryDirectory()
        let account = try #require(getpwnam("postgres")?.pointee)
        #expect(chown(directory.path, account.pw_uid, account.pw_gid) == 0)
        let data = directory.file("data")
        try run(
            "runuser", ["-u", "postgres", "--", server + "/initdb", "-D", data, "-A", "trust", "-N"])
        let child = try ChildProcess(
            "runuser",
            [
                "-u", "postgres", "--", server + "/postgres", "-D", data, "-k", directory.path, "-c",
                "listen_addresses=", "-c", "shared_buffers=64MB",
            ], errorsToOutput: true)
        defer {
            // runuser hands the signal on, and waits.
            child.signal(SIGTERM)
            _ = try? child.waitForExit()
        }
        while let line = try child.nextLine(), !line.contains("ready to accept connections") {}
        let lines = try readText(directory.file("data/postmaster.pid")).split(separator: "\n")
        let look = try checked(try #require(lines.first.flatMap { Int32($0) }))
        #expect(look.bytes(.shared) >= 64 << 20)
        #expect(look.bytes(.threadStack) == 0)
    }

    /// Debian keeps the server's programs out of PATH.
    static var postgres: String? {
        (11...20).reversed().map { "/usr/lib/postgresql/\($0)/bin" }
            .first { access($0 + "/postgres", X_OK) == 0 }
    }

    @Test("threads with arenas of their own")
    func arenas() throws {
        let memgrow = try Memgrow("threads", "--count", "6", "--hold")
        let lines = try memgrow.linesUntilDone()
        let look = try checked(memgrow.pid)
        #expect(look.sample.isConsistent)
        #expect(look.sample.threads == 7)
        for kind: RegionKind in [.threadStack, .guardPages, .arena] {
            let made = lines.filter { $0.kind == kind.name }.reduce(UInt64(0)) { sum, line in
                sum + (line.end ?? 0) - (line.start ?? 0)
            }
            #expect(look.bytes(kind) == made, "\(kind)")
        }
    }

    @Test("a library that is read as data is a file and no part of an image", .requiresTool("python3"))
    func libraryAsData() throws {
        let script = """
            import mmap, os, shutil, sys, tempfile
            library = [line.split()[-1] for line in open("/proc/self/maps") if "/libc.so" in line][0]
            directory = tempfile.mkdtemp()
            copy = os.path.join(directory, "libcopy.so")
            shutil.copyfile(library, copy)
            file = open(copy, "rb")
            view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE)
            print(copy, len(view), flush=True)
            sys.stdin.readline()
            shutil.rmtree(directory)
            """
        let child = try ChildProcess("python3", ["-c", script])
        let words = try #require(try child.nextLine()).split(separator: " ")
        let size = try #require(UInt64(words[1]))
        let look = try checked(child.pid)
        let copy = look.regions.filter { look.name($0) == words[0] }
        #expect(copy.map(\.kind) == [.file])
        #expect(copy.reduce(0) { $0 + $1.size } == (size + 4095) / 4096 * 4096)
        // The real one is text and data all the same.
        let real = look.regions.filter { look.name($0).contains("/libc.so") }
        for kind: RegionKind in [.text, .rodata, .data] { #expect(real.contains { $0.kind == kind }) }
        try child.send("\n")
        try child.waitForExit()
    }
}
