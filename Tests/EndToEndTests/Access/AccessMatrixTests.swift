import Glibc
import TestSupport
import Testing

/// Every kind of target, every kind of client, every method: the daemon beside the kernel.
@Suite(
    "Who sees what, beside the kernel", .requiresRoot, .requiresTool("cc"),
    .requiresTool("setpriv"),
    .requiresTool("setcap"), .requiresTool("unshare"), .requiresTool("python3"), .timeLimit(.minutes(10)))
struct AccessMatrixTests {
    /// A target as it is when the clients ask, after whatever it went through while it was watched.
    private struct Target {
        var name: String
        var pid: pid_t
        /// What each client's own attempt to read its maps gave; for one that is gone, while it lived.
        var kernelShows: [MatrixClient: Bool] = [:]
        /// The same of the process that had the number before.
        var kernelShowed: [MatrixClient: Bool]?
        var keep: [AccessTargets.Target] = []
    }

    private static let kernelThreads =
        (try? readText("/proc/2/comm")) == "kthreadd\n"

    @Test(
        "no client is told of a process what the kernel would not show that client, and the table in docs/security.md says what it is told",
        .requires("kernel-threads", kernelThreads, "no kernel threads here"))
    func matrix() throws {
        // A group that every Debian has.
        let group = try #require(getgrnam("users")).pointee.gr_gid
        let daemon = try Daemon(Daemon.quiet + "[access]\ngroup = \"users\"\n")
        let programs = try Strangers()
        let makers = try AccessTargets()
        let clients = MatrixClient.all(group: group)
        var rows: [String] = []
        var wrongDenials: [String] = []
        for kind in Kind.allCases {
            let target = try kind.make(makers, daemon, clients)
            var cells: [String] = []
            for client in clients {
                let cell = try MatrixCell(client, asks: daemon, about: target.pid, with: programs.client)
                check(cell, target, client)
                if kind == .reusedPID, client.uid == 1_000 {
                    // Its own process's history, and nothing of who has the number now.
                    #expect(cell.programs == ["target"], "\(cell.programs)")
                }
                cells.append(text(cell))
                let wasShown = target.kernelShowed?[client] ?? target.kernelShows[client] ?? false
                if !client.seesAll {
                    if target.kernelShows[client] == true, cell.live == .denied {
                        wrongDenials.append("\(target.name), \(client.name): the process")
                    }
                    if wasShown, cell.past == .denied {
                        wrongDenials.append("\(target.name), \(client.name): its history")
                    }
                }
                // Whoever sees all has ended watching for all.
                if client.seesAll, cell.detach == .told { _ = try? daemon.attach(target.pid).end() }
            }
            let kernel = clients.prefix(2).map { target.kernelShows[$0] == true ? "yes" : "no" }
            rows.append("| \((["\(target.name)"] + cells + kernel).joined(separator: " | ")) |")
        }
        try daemon.stop()
        let page = try readText(Document.root + "/docs/security.md")
        for row in rows { #expect(page.contains(row), "docs/security.md lacks the row\n\(row)") }
        for denial in wrongDenials {
            #expect(page.contains("- \(denial)"), "docs/security.md lacks\n- \(denial)")
        }
        #expect(
            page.split(separator: "\n").count { $0.hasPrefix("- ") && $0.contains(", the user: ") }
                == wrongDenials.count, "docs/security.md lists what is not denied")
    }

    /// All methods agree; nobody is told what the kernel denies.
    private func check(_ cell: MatrixCell, _ target: Target, _ client: MatrixClient) {
        let what: Comment = "\(target.name), \(client.name): \(cell)"
        #expect(cell.attach == cell.live, what)
        #expect([cell.regionsAt, cell.events, cell.diff].allSatisfy { $0 == cell.past }, what)
        #expect((cell.list == .told) == (cell.live == .told), what)
        #expect((cell.watch == .told) == (cell.list == .told), what)
        #expect((cell.listAll == .told) == (cell.past == .told || cell.live == .told), what)
        #expect((cell.detach == .told) == (cell.attach == .told), what)
        if client.seesAll {
            #expect(cell.live != .denied && cell.past != .denied, what)
            return
        }
        if cell.live == .told { #expect(target.kernelShows[client] == true, what) }
        if cell.past == .told {
            #expect(target.kernelShows[client] == true || target.kernelShowed?[client] == true, what)
        }
    }

    private func text(_ cell: MatrixCell) -> String {
        switch (cell.live, cell.past) {
        case (.told, .told): "all"
        case (.told, _): "the process"
        case (_, .told): "the history"
        case (.denied, _), (_, .denied): "nothing"
        case (.absent, .absent): "there is nothing"
        }
    }

    private enum Kind: CaseIterable {
        case own, other, root, setUserID, undumpable, capability, namespace, exited, reusedPID, kernelThread

        func make(_ makers: AccessTargets, _ daemon: Daemon, _ clients: [MatrixClient]) throws -> Target {
            func attached(_ name: String, _ made: AccessTargets.Target) throws -> (Target, Follower) {
                let pid = try #require(made.pid)
                let follower = try daemon.attach(pid)
                return (Target(name: name, pid: pid, keep: [made]), follower)
            }
            func asked(_ target: Target) throws -> Target {
                var target = target
                for client in clients {
                    target.kernelShows[client] = try client.mayReadMaps(of: target.pid)
                }
                return target
            }
            func plain(_ name: String, _ kind: AccessTargets.Kind) throws -> Target {
                let (target, follower) = try attached(name, makers.start(kind))
                try follower.end()
                return try asked(target)
            }
            switch self {
            case .own: return try plain("the user's own", .own)
            case .other: return try plain("another user's", .otherUser)
            case .root: return try plain("root's", .root)
            case .undumpable: return try plain("the user's, not dumpable", .undumpable)
            case .capability: return try plain("the user's, with a capability", .capability)
            case .namespace: return try plain("the user's, in a user namespace", .ownNamespace)
            case .setUserID:
                let made = try makers.startBecomingRoot()
                var (target, follower) = try attached("the user's, then set-user-id root", made)
                target.kernelShowed = try asked(target).kernelShows
                try made.processes[0].send("\n")
                #expect(try made.processes[0].nextLine() == "\(target.pid)")
                try follower.wait(for: "exec")
                try follower.end()
                return try asked(target)
            case .exited:
                let made = try makers.start(.own)
                var (target, follower) = try attached("the user's, exited", made)
                target = try asked(target)
                made.processes[0].closeInput()
                try made.processes[0].waitForExit()
                try follower.wait(for: "exit")
                try follower.end()
                return target
            case .reusedPID:
                let made = try makers.start(.own)
                var (first, follower) = try attached("the user's, exited; its pid another user's", made)
                first.kernelShowed = try asked(first).kernelShows
                made.processes[0].closeInput()
                try made.processes[0].waitForExit()
                try follower.wait(for: "exit")
                try follower.end()
                first.keep.append(try makers.reuse(first.pid))
                let second = try daemon.attach(first.pid)
                try second.end()
                return try asked(first)
            case .kernelThread:
                return try asked(Target(name: "a kernel thread", pid: 2))
            }
        }
    }
}
