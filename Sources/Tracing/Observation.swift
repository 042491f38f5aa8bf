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
    /// Who the process was at a full look; nil at others, and where it could not be told (see ``isFullLook``).
    package var credentials: ProcessCredentials?
    package var isFullLook = false
    /// Set where the process replaced its program (exec) or its name.
    package var description: ProcessDescription?
    /// What the process held when it ended; with ``ended``, where anything of it was ever seen.
    package var postMortem: PostMortem?

    init(target: TargetID, identity: ProcessIdentity, time: Timestamp) {
        self.target = target
        self.identity = identity
        self.time = time
    }
}

/// How a target stands, for those who ask.
package struct TargetSnapshot: Sendable {
    package var id: TargetID
    package var description: ProcessDescription
    package var attached: Timestamp
    package var intervalMicroseconds: Int64
    package var state: TargetState
    /// The text of the rule that adopted it.
    package var rule: String?
    package var followsChildren: Bool
    package var lastSample: Sample?
    package var eventMode: EventMode
    /// True while its changes come too fast to be told one by one.
    package var isSummarised: Bool
}
