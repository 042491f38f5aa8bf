import Glibc
import TestSupport
import Testing
import Varlink

/// What docs/security.md says that memwatchd sees and never does, beside what strace sees of it while it does all
/// that it can: as root with every capability, and with CAP_PERFMON alone, which takes other ways.
@Suite(
    "What memwatchd sees, and what it never does", .requiresRoot, .requiresTool("strace"), .requiresStrace,
    .requiresTool("cc"), .requiresTool("setpriv"), .requiresKernelRecords, .timeLimit(.minutes(5)))
struct SightTests {
    /// Maps the file it is given as code, has a second thread, and for each line it reads gets memory and has a child
    /// that executes a program.
    private static let program = """
        #include <fcntl.h>
        #include <pthread.h>
        #include <stdio.h>
        #include <sys/mman.h>
        #include <sys/wait.h>
        #include <unistd.h>

        static void *rest(void *unused) { for (;;) pause(); }

        int main(int count, char **words) {
            pthread_t thread;
            int file = open(words[1], O_RDONLY);
            if (mmap(0, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED) return 1;
            pthread_create(&thread, 0, rest, 0);
            puts("ready");
            fflush(stdout);
            while (getchar() == '\\n') {
                mmap(0, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                if (fork() == 0) execlp("true", "true", (char *)0);
                wait(0);
            }
            return 0;
        }
        """

    private static let leastCapabilities = ["setpriv", "--bounding-set", "-all,+perfmon"]
    private static let noCapabilities = ["setpriv", "--bounding-set", "-all"]

    /// Whether the kernel opens maps of another user's to CAP_PERFMON alone, asked without memwatch.
    private static let perfmonOpensMaps: Bool = {
        let words = Strangers.setpriv(Strangers.one) + ["sh", "-c", "echo ready; exec sleep 1000"]
        guard let stranger = try? ChildProcess(words[0], Array(words.dropFirst())),
            (try? stranger.nextLine()) == "ready"
        else { return false }
        let reader = Array(leastCapabilities.dropFirst()) + ["head", "-n", "1", "/proc/\(stranger.pid)/maps"]
        return (try? run(leastCapabilities[0], reader)) != nil
    }()

    @Test(
        "by strace: of a process it opens the files that the page lists and no others, writes where it says, talks to whom it says, and does nothing to anybody",
        .requires("perfmon-maps", perfmonOpensMaps, "this kernel opens maps with ptrace access only"))
    func traced() throws {
        var opened: Set<String> = []
        var inOwnRoot = 0
        for start in [[], Self.leastCapabilities] {
            let trace = try SystemCallTrace()
            let directory = try TemporaryDirectory()
            let daemon = try Daemon(
                Daemon.quiet + "[[target]]\ncomm = \"nobody-has-this\"\n",
                through: trace.wrapper + start,
                // Else it would trace itself at its end, to look for leaks.
                environment: Sanitizer.addressOptions(adding: "detect_leaks=0"), in: directory)
            let image = directory.file("image")
            try run("cp", [try builtProduct("memgrow"), image])
            try useAll(daemon, image)
            try daemon.stop()
            let calls = try trace.finish()
            #expect(calls.count > 300)
            opened.formUnion(calls.compactMap { $0.path.flatMap(Self.fileOfProcess) })
            for call in calls {
                checkWriting(call, daemon)
                checkTalking(call, daemon)
                checkLeavingAlone(call, daemon)
                guard call.file == image[...] else { continue }
                #expect(call.name == "openat2" && call.arguments.contains("RESOLVE_IN_ROOT"), "\(call)")
                inOwnRoot += 1
            }
        }
        #expect(inOwnRoot > 0, "an image was never opened by its name")
        let listed = try Self.listed()
        #expect(opened.subtracting(listed) == [], "opened, and docs/security.md does not list it")
        #expect(listed.subtracting(opened) == [], "in docs/security.md, and never opened")
    }

    @Test("the page says of each method of the interface who gets an answer")
    func methods() throws {
        let daemon = try Daemon()
        let answer = try oneCall(
            daemon.socket, "GetInterfaceDescription", "{\"interface\":\"org.memwatch.Monitor\"}",
            interface: "org.varlink.service")
        let description = try #require(answer["parameters"]?["description"]?.stringValue)
        let methods = description.split(separator: "\n").filter { $0.hasPrefix("method ") }
            .map { String($0.dropFirst(7).prefix { $0 != "(" }) }
        #expect(methods.count > 7)
        let said = Self.names(inTableBelow: "### The methods", in: try readText(Self.page))
        #expect(Set(methods).subtracting(said) == [])
        try daemon.stop()
    }

    /// Everything that takes a look of its own.
    private func useAll(_ daemon: Daemon, _ image: String) throws {
        let program = try CProgram(Self.program, "-pthread")
        let target = try program.start(image, through: Self.noCapabilities)
        let strangers = try Strangers()
        let foreign = try Memgrow(
            "sbrk", "--step", "--hold", "--keep", executable: strangers.memgrow,
            through: Strangers.setpriv(Strangers.other))
        for pid in [target.pid, foreign.pid] {
            _ = try daemon.output("attach", "\(pid)", "--children", "--interval", "100ms")
            let look = try oneCall(daemon.socket, "Regions", "{\"pid\":\(pid),\"resident\":true}")
            #expect(look["error"] == nil, "\(look)")
        }
        let follower = try daemon.follow()
        try target.send("\n")
        _ = try foreign.step()
        _ = try follower.wait { events in
            ["fork", "brk-grow"].allSatisfy { type in events.contains { $0.type == type } }
        }
        for command in ["list", "status"] { _ = try daemon.output(command) }
        for command in ["history", "events"] { _ = try daemon.output(command, "\(target.pid)") }
        _ = try oneCall(daemon.socket, "Watch")
        target.closeInput()
        _ = try follower.wait { events in
            events.contains { $0.type == "exit" && $0.pid == Int64(target.pid) }
        }
        try follower.end()
        _ = try daemon.output("detach", "--all")
    }

    // MARK: What a call may be

    /// The page: the history, the socket and its lock.
    private func checkWriting(_ call: SystemCallTrace.Call, _ daemon: Daemon) {
        guard call.changesFiles, let path = call.path else { return }
        let isItsOwn =
            path.hasPrefix(daemon.stateDirectory + "/") || path == daemon.socket
            || path == daemon.socket + ".lock"
            // What it holds open already, and the directory that is there.
            || path.hasPrefix("/proc/self/fd/") || (call.name == "mkdir" && path == daemon.directory.path)
        #expect(isItsOwn || Self.isSanitizers(path), "\(call)")
    }

    private func checkTalking(_ call: SystemCallTrace.Call, _ daemon: Daemon) {
        if call.name == "socket" || call.name == "socketpair" {
            #expect(call.arguments.hasPrefix("AF_UNIX,"), "\(call)")
        }
        guard ["bind", "connect", "sendto", "sendmsg", "sendmmsg"].contains(call.name),
            let mark = call.arguments.firstRange(of: "sun_path=")
        else { return }
        let place = call.arguments[mark.upperBound...].drop { $0 == "@" }.dropFirst().prefix { $0 != "\"" }
        // To syslog Swift's executor complains where it may not run urgent work at nice -4 (LimitNICE= in the unit).
        let systems = ["/var/run/nscd/", "/run/systemd/", "/dev/log"]
        let isKnown =
            place == daemon.socket[...] || place == daemon.directory.file("notify")[...]
            || systems.contains { place.hasPrefix($0) }
        #expect(isKnown, "\(call)")
    }

    private func checkLeavingAlone(_ call: SystemCallTrace.Call, _ daemon: Daemon) {
        switch call.name {
        case "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
            "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo":
            Issue.record("\(call)")
        case "kill", "tkill":
            // Signal 0 asks whether a process is there.
            #expect(call.words.last == "0", "\(call)")
        case "tgkill": #expect(call.words.first == "\(daemon.process.pid)", "\(call)")
        case "execve", "execveat":
            let isStart = ["/setpriv", "/memwatchd"].contains { call.file?.hasSuffix($0) == true }
            #expect(isStart, "\(call)")
        default: break
        }
    }

    // MARK: What the page says

    /// `task/TID/syscall` of `/proc/17/task/19/syscall`; nil for what is below no process.
    private static func fileOfProcess(_ path: String) -> String? {
        var parts = path.split(separator: "/")[...]
        guard parts.popFirst() == "proc", parts.popFirst()?.allSatisfy(\.isNumber) == true, !parts.isEmpty
        else { return nil }
        let names = parts.map { part in
            if part.allSatisfy(\.isNumber) { return "TID" }
            return part.contains("-") ? "START-END" : String(part)
        }
        return names.joined(separator: "/")
    }

    private static let page = Document.root + "/docs/security.md"

    private static func listed() throws -> Set<String> {
        names(inTableBelow: "## What it can see", in: try readText(page))
    }

    /// What the first column of a table has between backquotes.
    private static func names(inTableBelow heading: String, in page: String) -> Set<String> {
        guard let begin = page.firstRange(of: heading + "\n") else { return [] }
        let rest = page[begin.upperBound...]
        let section = rest[..<(rest.firstRange(of: "\n#")?.lowerBound ?? rest.endIndex)]
        let cells = section.split(separator: "\n").filter { $0.hasPrefix("| `") }
            .map { $0.dropFirst().prefix { $0 != "|" } }
        let parts = cells.flatMap { $0.split(separator: "`", omittingEmptySubsequences: false).enumerated() }
        return Set(parts.filter { $0.offset % 2 == 1 }.map { String($0.element) })
    }

    // MARK: Sanitizers

    /// Where a sanitizer writes what it found, and what the thread sanitizer's runtime makes for itself.
    private static func isSanitizers(_ path: String) -> Bool {
        Sanitizer.active != nil && (path.contains("/reports/") || path.contains("/tsan.rodata."))
    }
}
