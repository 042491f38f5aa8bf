import MemwatchDaemon
import Testing

@Suite("Who may see a process")
struct AccessRuleTests {
    private let rule = AccessRule(groupID: 900)

    private func peer(
        _ uid: UInt32, _ gid: UInt32, _ groups: [UInt32] = [], sharesUserNamespace: Bool = true
    ) -> PeerIdentity {
        PeerIdentity(uid: uid, gid: gid, groups: groups, sharesUserNamespace: sharesUserNamespace)
    }

    /// An ordinary process of uid and gid 1000, but for what is changed.
    static func target(_ change: (inout TargetCredentials) -> Void = { _ in }) -> TargetCredentials {
        let ids = TargetCredentials.IDs(real: 1_000, effective: 1_000, saved: 1_000)
        var target = TargetCredentials(
            uid: ids, gid: ids, mapsOwner: 1_000, permittedCapabilities: 0, sharesUserNamespace: true)
        change(&target)
        return target
    }

    @Test("A user sees the processes that are wholly the user's own")
    func own() {
        #expect(rule.mayRead(peer(1_000, 1_000), target: Self.target()))
        #expect(
            rule.mayRead(
                peer: 1_000, gid: 1_000, groups: [5], sharesUserNamespace: true, target: Self.target()))
        #expect(!rule.mayRead(peer(1_001, 1_000), target: Self.target()))
        #expect(!rule.mayRead(peer(1_000, 1_001), target: Self.target()))
        #expect(!rule.mayRead(peer(1_000, 1_001, [1_000]), target: Self.target()))
    }

    static let partly: [(String, TargetCredentials)] = [
        ("real uid", target { $0.uid.real = 0 }), ("effective uid", target { $0.uid.effective = 0 }),
        ("saved uid", target { $0.uid.saved = 0 }), ("real gid", target { $0.gid.real = 0 }),
        ("effective gid", target { $0.gid.effective = 0 }), ("saved gid", target { $0.gid.saved = 0 }),
        ("owner of maps", target { $0.mapsOwner = 0 }),
        ("capability", target { $0.permittedCapabilities = 1 }),
        ("highest capability", target { $0.permittedCapabilities = 1 << 63 }),
        ("user namespace", target { $0.sharesUserNamespace = false }),
    ]

    @Test("Whatever makes a process less than the user's own hides it", arguments: partly)
    func partlyForeign(what: String, target: TargetCredentials) {
        #expect(!rule.mayRead(peer(1_000, 1_000), target: target), "\(what)")
        #expect(HistoryReader(target) == .nobody)
        #expect(rule.mayRead(peer(0, 0), target: target))
        #expect(rule.mayRead(peer(2_000, 900), target: target))
    }

    @Test("What cannot be known is denied to all but root and the group")
    func unknown() {
        #expect(!rule.mayRead(peer(1_000, 1_000), target: nil))
        #expect(rule.mayRead(peer(0, 0), target: nil))
        #expect(rule.mayRead(peer(5, 5, [7, 900]), target: nil))
    }

    @Test("Members of the group see all, by primary or supplementary group; without a group only root does")
    func group() {
        #expect(rule.maySeeAll(peer(2_000, 900)))
        #expect(rule.maySeeAll(peer(2_000, 1, [2, 900])))
        #expect(!rule.maySeeAll(peer(2_000, 1, [2, 3])))
        #expect(!AccessRule(groupID: nil).maySeeAll(peer(2_000, 900)))
        #expect(AccessRule(groupID: nil).maySeeAll(peer(0, 0)))
    }

    @Test("The overflow ids, which may be anybody's, never open anything")
    func overflow() {
        let nobody = Self.target {
            $0.uid = .init(real: 65_534, effective: 65_534, saved: 65_534)
            $0.gid = $0.uid
            $0.mapsOwner = 65_534
        }
        for rule in [rule, AccessRule(groupID: 65_534)] {
            #expect(!rule.mayRead(peer(65_534, 65_534), target: nobody))
            #expect(!rule.mayRead(peer(65_534, 900, [900]), target: nobody))
            #expect(!rule.mayReadHistory(peer(65_534, 65_534), of: .owner(uid: 65_534, gid: 65_534)))
            #expect(!rule.mayRead(peer(.max, .max), target: Self.target { $0.mapsOwner = .max }))
        }
        #expect(!AccessRule(groupID: 65_534).maySeeAll(peer(1_000, 65_534, [65_534])))
    }

    @Test(
        "Who runs a daemon that sees nothing but what they see reads all of its history, and nobody else does"
    )
    func ownDaemon() {
        let own = AccessRule(groupID: nil, ownUID: 1_000)
        #expect(own.mayReadHistory(peer(1_000, 1_000), of: .nobody))
        #expect(!own.mayReadHistory(peer(2_000, 1_000), of: .nobody))
        #expect(!own.mayReadHistory(peer(1_000, 1_000, sharesUserNamespace: false), of: .nobody))
        // Of a process as it is now the rule is everybody's.
        #expect(!own.mayRead(peer(1_000, 1_000), target: nil))
        #expect(!AccessRule(groupID: nil).mayReadHistory(peer(1_000, 1_000), of: .nobody))
        let nobody = AccessRule(groupID: nil, ownUID: 65_534)
        #expect(!nobody.mayReadHistory(peer(65_534, 65_534), of: .nobody))
    }

    @Test("A client in a user namespace of its own is told of no process")
    func clientInNamespace() {
        let sandboxed = peer(1_000, 1_000, sharesUserNamespace: false)
        #expect(!rule.mayRead(sandboxed, target: Self.target()))
        #expect(!rule.mayReadHistory(sandboxed, of: .owner(uid: 1_000, gid: 1_000)))
    }

    @Test("A process's history only ever gets harder to read")
    func history() {
        let own = HistoryReader(Self.target())
        #expect(own == .owner(uid: 1_000, gid: 1_000))
        #expect(own.tightened(by: own) == own)
        #expect(own.tightened(by: .nobody) == .nobody)
        #expect(HistoryReader.nobody.tightened(by: own) == .nobody)
        #expect(own.tightened(by: .owner(uid: 2_000, gid: 1_000)) == .nobody)
        #expect(own.tightened(by: HistoryReader(nil)) == .nobody)

        #expect(rule.mayReadHistory(peer(1_000, 1_000), of: own))
        #expect(!rule.mayReadHistory(peer(1_000, 1_000), of: .nobody))
        #expect(!rule.mayReadHistory(peer(2_000, 1_000), of: own))
        #expect(rule.mayReadHistory(peer(0, 0), of: .nobody))
        #expect(rule.mayReadHistory(peer(2_000, 900), of: .nobody))
    }

    @Test("Who may read is stored as two numbers, or as none")
    func storedReader() {
        for reader in [HistoryReader.owner(uid: 1_000, gid: 7), .nobody] {
            #expect(HistoryReader(uid: reader.uid, gid: reader.gid) == reader)
        }
        #expect(HistoryReader(uid: 1_000, gid: nil) == .nobody)
    }

    @Test("The group is found by its name, and a name that is none has no members")
    func groupLookup() throws {
        #expect(try GroupLookup.groupID(named: "root") == 0)
        #expect(try GroupLookup.groupID(named: "memwatch-no-such-group") == nil)
        #expect(try GroupLookup.groupID(named: "") == nil)
        #expect(try GroupLookup.groupID(named: "root\0x") == nil)
    }
}
