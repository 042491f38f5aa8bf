package import MemoryModel

/// A row of the `process` table: one process by identity, over restarts of the daemon.
package struct HistoryProcessID: Hashable, Sendable {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }
}

/// Who, besides root and the configured group, may read a process's history: a client
/// whose effective uid and gid are these.
package struct Reader: Hashable, Sendable {
    package var uid: UInt32
    package var gid: UInt32

    package init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }
}

/// A process as the history knows it.
package struct HistoryProcess: Hashable, Sendable {
    package var id: HistoryProcessID
    package var description: ProcessDescription
    /// When the first look of this row was taken.
    package var attached: Timestamp
    /// When it ended or was detached; nil while it is watched (or the daemon was killed).
    package var ended: Timestamp?
    /// The state it ended in; `running` for a process that was detached alive.
    package var endState: TargetState?
    /// nil: only root and the group.
    package var reader: Reader?
    /// The rule that adopted it first; nil where it was attached by pid, or is from before this was kept.
    package var rule: String?
    /// The pid of its parent when it was taken up; nil where that is not known.
    package var parent: Int32?
}

/// A region that owns its name, so that it outlives the look that found it.
package struct HistoryRegion: Hashable, Sendable {
    package var start: UInt64
    package var end: UInt64
    /// Offset into the file, in bytes.
    package var offset: UInt64
    package var inode: UInt64
    package var device: DeviceNumber
    /// Raw bytes as maps prints them; nil for plain anonymous memory.
    package var path: [UInt8]?
    /// 0 where not a thread's stack or not known.
    package var tid: Int32
    package var permissions: Permissions
    package var kind: RegionKind

    package init(
        start: UInt64, end: UInt64, permissions: Permissions, offset: UInt64 = 0,
        device: DeviceNumber = .none, inode: UInt64 = 0, path: [UInt8]? = nil, kind: RegionKind,
        tid: Int32 = 0
    ) {
        self.start = start
        self.end = end
        self.offset = offset
        self.inode = inode
        self.device = device
        self.path = path
        self.tid = tid
        self.permissions = permissions
        self.kind = kind
    }

    /// Copies a look's region with its name. The empty name becomes nil.
    package init(_ region: Region, paths: PathTable) {
        let name = paths.bytes(of: region.path)
        self.init(
            start: region.start, end: region.end, permissions: region.permissions, offset: region.offset,
            device: region.device, inode: region.inode, path: name.isEmpty ? nil : Array(name),
            kind: region.kind, tid: region.tid)
    }

    /// Bytes of address space.
    package var size: UInt64 { end &- start }

    /// See ``Region/isOutsideVmSize``.
    package var isOutsideVmSize: Bool { start >= 0xffff_ffff_ff60_0000 && kind == .vdso }
}

/// How finely a stored sample is dated.
package enum HistoryResolution: UInt8, Sendable, CaseIterable {
    /// A sample as it was taken.
    case raw = 0
    /// The last of one minute, with the minute's extremes.
    case minute = 1
    /// The last of one hour, with the hour's extremes.
    case hour = 2

    package var name: String {
        switch self {
        case .raw: "raw"
        case .minute: "minute"
        case .hour: "hour"
        }
    }
}

/// A stored sample. For minutes and hours it is the last one of its time.
package struct HistorySample: Hashable, Sendable {
    package var sample: Sample
    package var resolution: HistoryResolution
    /// Minimum and maximum of each field over the minute or hour; nil for raw samples.
    package var extremes: Extremes? { extremesBox.first }

    /// An array, so that the many raw samples do not carry room for two more.
    private var extremesBox: [Extremes]

    /// Field by field: the minima need not have occurred together.
    package struct Extremes: Hashable, Sendable {
        package var minimum: Sample
        package var maximum: Sample
    }

    init(_ sample: Sample, resolution: HistoryResolution = .raw, extremes: Extremes? = nil) {
        self.sample = sample
        self.resolution = resolution
        extremesBox = extremes.map { [$0] } ?? []
    }
}

/// A stored event.
package struct HistoryEvent: Hashable, Sendable {
    /// Ascends in the order of writing, over all processes: what a follower continues from.
    package var id: Int64
    package var process: HistoryProcessID
    package var event: MemoryEvent
}

/// A target or rule that a client attached, to be taken up again after a restart.
package struct HistoryAttachment: Hashable, Sendable {
    package enum Subject: Hashable, Sendable {
        case process(ProcessIdentity)
        /// The rule as the daemon writes it down, for example `unit=nginx.service`.
        case rule(String)
    }

    package var subject: Subject
    /// Microseconds between looks; nil for the configured default.
    package var intervalMicroseconds: Int64?
    /// Whether children are followed.
    package var children: Bool
    /// The client that asked.
    package var ownerUID: UInt32

    package init(
        subject: Subject, intervalMicroseconds: Int64? = nil, children: Bool = false, ownerUID: UInt32
    ) {
        self.subject = subject
        self.intervalMicroseconds = intervalMicroseconds
        self.children = children
        self.ownerUID = ownerUID
    }
}
