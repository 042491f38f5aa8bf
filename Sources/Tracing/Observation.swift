package import MemoryModel
package import ProcFS

/// A target of this run of the daemon. Never reused, unlike a pid.
package struct TargetID: Hashable, Comparable, Sendable {
    package let rawValue: UInt64

    package static func < (a: TargetID, b: TargetID) -> Bool { a.rawValue < b.rawValue }
}

/// A region with its name, for keeping after the look is gone.
package struct ObservedRegion: Hashable, Sendable {
    package var region: Region
    /// Raw bytes; empty for memory without a name.
    package var path: [UInt8]

    init(_ region: Region, _ paths: borrowing PathTable) {
        self.region = region
        path = Array(paths.bytes(of: region.path))
    }
}

/// What one look at one target gave that is worth keeping.
package struct Observation: Sendable {
    package var target: TargetID
    package var identity: ProcessIdentity
    package var time: Timestamp
    package var sample: Sample?
    /// Regions that are no more, and regions that are new. A region any attribute of which changed is in both.
    package var died: [ObservedRegion] = []
    package var born: [ObservedRegion] = []
    package var events: [MemoryEvent] = []
    /// Set with the last observation of a target: how it ended.
    package var ended: TargetState?
    package var isFullLook = false
    /// Who the process was when it was last asked; see ``Identification``.
    package var identification = Identification.notAsked
    /// Set where the process replaced its program (exec) or its name.
    package var description: ProcessDescription?
    /// What the process held when it ended; with ``ended``, where anything of it was ever seen.
    package var postMortem: PostMortem?

    init(target: TargetID, identity: ProcessIdentity, time: Timestamp) {
        self.target = target
        self.identity = identity
        self.time = time
    }

    /// The map is known as of this time. (Events are told at once, the map with the sample that follows: events alone
    /// say nothing of what lies where.)
    package var hasMap: Bool { sample?.isConsistent == true || !born.isEmpty || !died.isEmpty }

    /// The process has ended, or is watched no more.
    package var isLast: Bool { ended != nil || events.contains { $0.type == .detached } }
}

/// Whether a look has found out who the process is: that decides who may read what was observed.
///
/// A process is another's from one moment to the next by executing a set-user-id program, so who it was at the look
/// before says nothing about what was reported since then.
package enum Identification: Hashable, Sendable {
    /// Nothing was observed that could be another's than what was before.
    case notAsked
    /// The same at every question since the observation before.
    case known(ProcessCredentials)
    /// It was gone when it was asked, or was one and then another: it may have been anybody's.
    case unknown

    /// Together with another answer about the same observation.
    mutating func join(_ credentials: ProcessCredentials?) {
        guard let credentials, self == .notAsked || self == .known(credentials) else {
            self = .unknown
            return
        }
        self = .known(credentials)
    }
}

/// How a target stands, for those who ask.
package struct TargetSnapshot: Sendable {
    package var id: TargetID
    package var description: ProcessDescription
    package var attached: Timestamp
    package var options: TargetOptions
    package var state: TargetState
    package var lastSample: Sample?
    package var eventMode: EventMode
    /// True while its changes come too fast to be told one by one.
    package var isSummarised: Bool

    package var intervalMicroseconds: Int64 { options.intervalMicroseconds }
    /// The text of the rule that adopted it.
    package var rule: String? { options.rule }
    package var followsChildren: Bool { options.followsChildren }
}
