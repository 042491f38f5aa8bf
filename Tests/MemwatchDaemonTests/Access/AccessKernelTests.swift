import Glibc
import MemwatchDaemon
import TestSupport
import Testing

/// The rule against the kernel: every kind of target, every kind of client, the client's own
/// attempt to read the target's maps.
@Suite("The access rule beside the kernel's own")
struct AccessKernelTests {
    private static let group: UInt32 = 3_000
    private let rule = AccessRule(groupID: group)

    @Test(
        "The rule never allows what the kernel denies", .requiresRoot, .requiresTool("cc"),
        .requiresTool("setpriv"),
        .requiresTool("setcap"), .requiresTool("unshare"))
    func neverMoreThanTheKernel() throws {
        let targets = try AccessTargets()
        var allowed = 0
        var denied = 0
        var namespacesWork = false
        // Conditions of the rule without which it would have allowed what the kernel denied.
        var needed: Set<String> = []
        for kind in AccessTargets.Kind.allCases {
            let target = try targets.start(kind)
            // A kernel or container without user namespaces has neither the target nor the danger.
            guard let pid = target.pid else { continue }
            if kind == .rootNamespace { namespacesWork = true }
            for client in AccessClient.all {
                // Before and after the read, as the daemon does it.
                let before = rule.mayRead(client.identity, target: credentials(pid))
                let kernel = try client.mayReadMaps(of: pid)
                let after = rule.mayRead(client.identity, target: credentials(pid))
                #expect(before == after, "\(kind), \(client.name)")
                if rule.maySeeAll(client.identity) {
                    #expect(before, "\(kind), \(client.name)")
                } else {
                    #expect(!before || kernel, "\(kind), \(client.name): allowed, and the kernel denies it")
                }
                if !kernel, let found = credentials(pid) {
                    for (name, relaxed) in relaxations(found, client.identity)
                    where rule.mayRead(relaxed.peer, target: relaxed.target) { needed.insert(name) }
                }
                if before { allowed += 1 } else { denied += 1 }
                if kind == .own, client.name == "same user" { #expect(before && kernel) }
            }
        }
        // Else it would prove nothing: root and the group see all, the same user its own process.
        #expect(allowed > 2 * AccessTargets.Kind.allCases.count - 4)
        #expect(denied > 3 * AccessTargets.Kind.allCases.count)
        #expect(needed.isSuperset(of: ["gid", "maps owner", "capabilities"]))
        if namespacesWork { #expect(needed.isSuperset(of: ["target's namespace", "client's namespace"])) }
    }

    /// The rule with one of its conditions taken for granted.
    private func relaxations(
        _ target: TargetCredentials, _ peer: PeerIdentity
    ) -> [(name: String, (target: TargetCredentials, peer: PeerIdentity))] {
        var gid = target
        gid.gid = .init(real: peer.gid, effective: peer.gid, saved: peer.gid)
        var owner = target
        owner.mapsOwner = peer.uid
        var capabilities = target
        capabilities.permittedCapabilities = 0
        var outside = target
        outside.sharesUserNamespace = true
        var unboxed = peer
        unboxed.sharesUserNamespace = true
        return [
            ("gid", (gid, peer)), ("maps owner", (owner, peer)), ("capabilities", (capabilities, peer)),
            ("target's namespace", (outside, peer)), ("client's namespace", (target, unboxed)),
        ]
    }

    @Test(
        "A process in another user namespace is told apart from one in the daemon's", .requiresRoot,
        .requiresTool("cc"), .requiresTool("setpriv"), .requiresTool("unshare"))
    func namespaces() throws {
        #expect(UserNamespace.isShared(pid: getpid()))
        #expect(!UserNamespace.isShared(pid: 0))
        #expect(!UserNamespace.isShared(pid: -1))
        let targets = try AccessTargets()
        let own = try targets.start(.own)
        #expect(UserNamespace.isShared(pid: try #require(own.pid)))
        let sandboxed = try targets.start(.ownNamespace)
        if let pid = sandboxed.pid { #expect(!UserNamespace.isShared(pid: pid)) }
        let exited = try targets.start(.exited)
        #expect(!UserNamespace.isShared(pid: try #require(exited.pid)))
    }

    /// As ProcFS reads them: `Uid:`, `Gid:` and `CapPrm:` of status, and the owner of maps.
    private func credentials(_ pid: pid_t) -> TargetCredentials? {
        var owner = stat()
        guard let status = try? readText("/proc/\(pid)/status"), stat("/proc/\(pid)/maps", &owner) == 0 else {
            return nil
        }
        func fields(_ name: String) -> [Substring] {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            return line?.split(separator: "\t").dropFirst().map { $0 } ?? []
        }
        func ids(_ name: String) -> TargetCredentials.IDs? {
            let values = fields(name).compactMap { UInt32($0) }
            return values.count == 4 ? .init(real: values[0], effective: values[1], saved: values[2]) : nil
        }
        guard let uid = ids("Uid"), let gid = ids("Gid"), let field = fields("CapPrm").first,
            let capabilities = UInt64(field, radix: 16)
        else { return nil }
        return TargetCredentials(
            uid: uid, gid: gid, mapsOwner: owner.st_uid, permittedCapabilities: capabilities,
            sharesUserNamespace: UserNamespace.isShared(pid: pid))
    }
}

/// Somebody who asks.
private struct AccessClient {
    var name: String
    var identity: PeerIdentity

    static let all = [
        client("root", 0, 0), client("same user", 1_000, 1_000), client("other user", 2_000, 2_000),
        client("nobody", 65_534, 65_534), client("same user, other group", 1_000, 2_000),
        client("member of the group", 2_000, 2_000, groups: [3_000]),
        client("same user in a namespace", 1_000, 1_000, sharesUserNamespace: false),
    ]

    private static func client(
        _ name: String, _ uid: UInt32, _ gid: UInt32, groups: [UInt32] = [], sharesUserNamespace: Bool = true
    ) -> AccessClient {
        AccessClient(
            name: name,
            identity: PeerIdentity(
                uid: uid, gid: gid, groups: groups, sharesUserNamespace: sharesUserNamespace))
    }

    /// Whether the kernel gives this client a line of the target's maps.
    func mayReadMaps(of pid: pid_t) throws -> Bool {
        var words = ["--reuid", "\(identity.uid)", "--regid", "\(identity.gid)"]
        let groups = identity.groups.map(String.init).joined(separator: ",")
        words += groups.isEmpty ? ["--clear-groups"] : ["--groups", groups]
        if !identity.sharesUserNamespace { words += ["unshare", "-U", "--map-current-user"] }
        let reader = try ChildProcess("setpriv", words + ["head", "-n", "1", "/proc/\(pid)/maps"])
        let line = try reader.nextLine()
        return try reader.waitForExit() == .status(0) && line != nil
    }
}
