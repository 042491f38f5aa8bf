package import KernelEvents
package import MemoryModel

/// The exact, timed account of one process's address space: a **shadow map** that follows the kernel's
/// records, and says for each what it changed.
///
/// The kernel reports what is mapped and never what is unmapped (see ``MappingRecord``), so the shadow map
/// may hold memory that is gone, until a record or a look proves it. Every event's delta is exactly what was
/// done to the shadow map, and an accepted look becomes the shadow map; hence the deltas between any two
/// looks add up to the difference of their totals, by kind, to the byte, whatever was seen in between.
///
/// A pure value: no clock, no I/O. Nothing that records or looks hold makes it trap.
package struct Ledger: Sendable {
    var map = AddressList<Region>()
    var births = Births()
    var totals = KindTotals()
    /// False until the first look, or the first exec: of an unknown map nothing can be said.
    package internal(set) var isKnown = false
    /// The next look shows what a forked child began with.
    var isBeginning = false
    /// When the last accepted look was begun: what it showed was there then.
    var lastLook: Int64?
    /// Records that the last look was too early for.
    var pending: [KernelRecord] = []
    var group: ExecGroup?
    var files = FileIdentities()
    /// Where the program's segments end, if its exec was seen.
    var programEnd: UInt64?
    var window: LookWindow?
    /// An exec has been told since the last look.
    var hasToldExec = false
    /// The map is the last look's: nothing has been done to it since.
    private(set) var isSettled = false
    var forks: [(child: Int32, ledger: Ledger)] = []
    /// Where ``map`` may differ from what the history has of it.
    var changed = ChangedPlaces()
    var recent = RecentPlaces()

    /// By how much the map that a forked child was given differed from the one it turned out to have:
    /// its VmSize at its beginning is a look's, less this ledger's deltas since, which do not include this.
    package internal(set) var baselineCorrection = KindDeltas()

    /// Nothing is known: the first ``settle(with:at:)`` gives no events.
    package init() {}

    /// A child has the memory of its parent at the moment of the fork. What the parent had unmapped unseen
    /// before turns out at the child's first look, which therefore gives no events.
    ///
    /// - Parameter nanoseconds: when it was forked, CLOCK_MONOTONIC.
    package init(forkedFrom parent: Ledger, at nanoseconds: Int64? = nil) {
        map = parent.map
        births = parent.births
        totals = parent.totals
        isKnown = parent.isKnown
        files = parent.files
        programEnd = parent.programEnd
        lastLook = nanoseconds ?? parent.lastLook
        isBeginning = true
    }

    /// The shadow map: ascending, without overlap. After ``settle(with:at:)`` it is the look, element for
    /// element; in between, the caller's path ids for what records brought. Makes an array each time.
    package var regions: [Region] { map.elements }

    /// Records that wait for the next round: the last look did not show them yet.
    package var pendingCount: Int { pending.count }

    /// The beginnings of the children that were forked since the last call, where
    /// ``LedgerContext/keepsForks`` asked for them: at most ``forkLimit``.
    package mutating func takeForks() -> [(child: Int32, ledger: Ledger)] {
        defer { forks = [] }
        return forks
    }

    package static let forkLimit = 1024

    /// A process that was watched before, by another ledger: these regions are what was known then. When
    /// that was does not matter, since its clock may have been another.
    package init(resumingFrom regions: [Region]) {
        map = AddressList(regions)
        totals = KindTotals(of: regions)
        isKnown = true
    }

    // MARK: At rest

    /// True if the map is the last look's and nothing waits, so that whoever has that look need not keep it twice.
    var mayRest: Bool {
        isSettled && isKnown && !isBeginning && pending.isEmpty && group == nil && forks.isEmpty
            && !hasToldExec
    }

    /// Lets go of the map, until ``wake(_:)`` gives it back. Before that, nothing but
    /// ``settle(with:at:isUnchanged:isNewImage:)`` with the same look may be called.
    mutating func rest() { map = AddressList() }

    mutating func wake(_ map: AddressList<Region>) { self.map = map }

    // MARK: Records

    /// Applies records in order of time, and says what follows from them alone.
    ///
    /// - Parameters:
    ///   - records: of this process, after those of the last call.
    ///   - look: the map of an accepted look made after (most of) the records, with ids of `paths`: births
    ///     take kind, name and identity from it where it shows them. Records within
    ///     ``LedgerContext/look`` that it does not show are kept for the next call. It does not become the
    ///     shadow map: ``settle(with:at:)`` does that, and is to follow.
    ///   - summarising: tell what happened to each kind as one event: see ``summarise(_:)``.
    /// - Returns: events in order of time; only those of ``EventType/exec`` may come late, and in a later
    ///   call, because they are complete only when the kernel has mapped the program.
    package mutating func apply(
        _ records: [KernelRecord], look: [Region]?, paths: inout PathTable, context: LedgerContext,
        summarising: Bool = false
    ) -> [LedgerEvent] {
        window = look == nil ? nil : context.look
        var due = pending + records
        pending = []
        if !zip(due, due.dropFirst()).allSatisfy({ $0.nanoseconds <= $1.nanoseconds }) {
            due = due.enumerated().sorted { a, b in
                (a.element.nanoseconds, a.offset) < (b.element.nanoseconds, b.offset)
            }.map(\.element)
        }
        var round = LedgerRound(look: look ?? [], context: context)
        if let look, let window = context.look {
            (due, pending) = LookOrder(look: look, window: window, shadow: map, isKnown: isKnown)
                .divide(due, &paths)
        }
        if !due.isEmpty { isSettled = false }
        round.events.reserveCapacity(due.count)
        round.execsToCome = due.count(where: \.isExec)
        for record in due { step(record, &round, &paths) }
        if look != nil { files.resolve(&map, by: round.look, paths) }
        for event in round.events.suffix(RecentPlaces.limit) { recent.add(event) }
        return summarising ? Self.summarise(round.events) : round.events
    }

    private mutating func step(_ record: KernelRecord, _ round: inout LedgerRound, _ paths: inout PathTable) {
        switch record.content {
        case .mapping(let mapping):
            if let open = group {
                if open.takes(mapping) {
                    round.isSilent = true
                    round.isExec = true
                    fold(mapping, record, &round, &paths)
                    round.isSilent = false
                    round.isExec = false
                    group?.took(mapping)
                    return
                }
                round.events += finishExec()
            }
            if isKnown { fold(mapping, record, &round, &paths) }
        case .exec(let comm):
            round.execsToCome &-= 1
            if group != nil { round.events += finishExec() }
            group = ExecGroup(record, comm: comm, before: isKnown ? totals : nil)
            forgetMap()
        case .fork(let child):
            var event = LedgerEvent(
                .fork, nanoseconds: record.nanoseconds, source: .perf, tid: record.tid)
            event.child = child
            event.sizeAfter = isKnown ? totals.total : nil
            round.events.append(event)
            if round.context.keepsForks, forks.count < Self.forkLimit {
                forks.append((child, Ledger(forkedFrom: self, at: record.nanoseconds)))
            }
        case .exit(let isLeader):
            // Killed before it could map anything of its own: the exec is told all the same.
            if isLeader, group != nil { round.events += finishExec() }
        case .gap(let count):
            var event = LedgerEvent(.gap, nanoseconds: record.nanoseconds, source: .perf)
            event.count = count > 0 ? count : nil
            round.events.append(event)
        }
    }

    // MARK: Looks

    /// Brings the shadow map to an accepted look. What still differs was unmapped, moved or shrunk since it
    /// was last known, or is understood better now; or was mapped while records were lost.
    ///
    /// - Parameters:
    ///   - look: with ids of the path table that the records were applied with.
    ///   - nanoseconds: the end of the look, CLOCK_MONOTONIC.
    ///   - isUnchanged: true if the look is, element for element, the one settled with before.
    ///   - isNewImage: true if the look is the first at another program. If no record told of the exec, it is
    ///     told now: one event (sample) and one for each kind that differs.
    package mutating func settle(
        with look: [Region], at nanoseconds: Int64, isUnchanged: Bool = false, isNewImage: Bool = false
    ) -> [LedgerEvent] {
        let began = window?.began ?? nanoseconds
        window = nil
        if isUnchanged, isSettled, !isNewImage {
            births.seen(at: began)
            lastLook = began
            return []
        }
        var events: [LedgerEvent] = []
        let after = KindTotals(of: look)
        if isNewImage, isKnown, group == nil, !hasToldExec {
            let unseen = KernelRecord(nanoseconds: nanoseconds, tid: 0, .exec(comm: []))
            group = ExecGroup(unseen, comm: [], before: totals, notBefore: .some(lastLook))
            births.removeAll()
        }
        if group != nil {
            totals = after
            isKnown = true
            events = finishExec()
        } else if isBeginning, isKnown {
            let unseen = KindDeltas(from: totals, to: after)
            for kind in RegionKind.allCases { baselineCorrection[kind] &+= unseen[kind] }
        } else if isKnown {
            events = differences(from: map.elements, to: look, at: nanoseconds)
            for event in events.suffix(RecentPlaces.limit) { recent.add(event) }
        }
        if isBeginning || !events.isEmpty || !isKnown { births.keepOnly(look) }
        births.seen(at: began)
        map = AddressList(look)
        changed.addEverything()
        totals = after
        isKnown = true
        isBeginning = false
        hasToldExec = false
        isSettled = true
        lastLook = began
        return events
    }

    /// What lies between two states of the map, or of a part of it.
    func differences(
        from old: [Region], to new: [Region], at nanoseconds: Int64
    ) -> [LedgerEvent] {
        MapComparison.compare(from: old, to: new).changes.compactMap { change in
            // [vsyscall] is in every look and in no record: after an exec it would seem to be new.
            if change.isOutsideVmSize { return nil }
            let isDeath = change.delta < 0
            var event = LedgerEvent(
                change.type, kind: change.kind, delta: change.delta, nanoseconds: nanoseconds,
                source: .sample, tid: change.tid == 0 ? nil : change.tid)
            event.sizeAfter = change.sizeAfter
            event.start = change.start
            event.end = change.end
            event.permissions = change.permissions
            event.path = change.path
            let known =
                isDeath
                ? births.lastKnown(from: change.start, to: change.end, otherwise: lastLook) : lastLook
            event.notBefore = known.map { min($0, nanoseconds) }
            return event
        }
    }

    /// The caller has a new path table.
    package mutating func translatePaths(_ translate: (PathID) -> PathID) {
        map.replaceAll { $0.path = translate($0.path) }
        files.translatePaths(translate)
        for index in forks.indices { forks[index].ledger.translatePaths(translate) }
    }

    /// Every change of a part of the map.
    mutating func replace(_ range: Range<Int>, with regions: some Collection<Region>) {
        isSettled = false
        if !range.isEmpty { changed.add(map[range.lowerBound].start, map[range.upperBound &- 1].end) }
        for region in regions { changed.add(region.start, region.end) }
        map.replace(range, with: regions)
    }

    mutating func forgetMap() {
        isSettled = false
        map = AddressList()
        changed.addEverything()
        births.removeAll()
        totals = KindTotals()
        isBeginning = false
    }
}

extension MapChange {
    fileprivate var isOutsideVmSize: Bool { kind == .vdso && start >= 0xffff_ffff_ff60_0000 }
}

/// What one call of ``Ledger/apply(_:look:paths:context:)`` works with.
struct LedgerRound {
    /// Empty where there was none.
    let look: [Region]
    let context: LedgerContext
    var events: [LedgerEvent] = []
    /// What is mapped belongs to an exec, which is told as a whole.
    var isSilent = false
    var isExec = false
    /// What one record makes of the regions it covers; kept for its capacity.
    var parts: [Region] = []
    /// Before these, the process ran other programs than the one that the context tells of.
    var execsToCome = 0
    /// Files that this process has mapped as images, filled at the first question.
    var images: Set<FileKey>?

    /// `start_brk` of the program that runs at this point; nil where it is not known.
    var startBrk: UInt64? { execsToCome > 0 ? nil : context.startBrk }

    init(look: [Region], context: LedgerContext) {
        self.look = look
        self.context = context
    }
}
