/// What can happen to a process's memory. The raw value is stored in the history and
/// never changes its meaning.
package enum EventType: UInt8, Sendable, CaseIterable {
    case attached = 0
    case brkGrow = 1
    case brkShrink = 2
    case mmap = 3
    case munmap = 4
    case resize = 5
    case protect = 6
    case stackGrow = 7
    case exec = 8
    case fork = 9
    case exit = 10
    case detached = 11
    // Alerts.
    case threshold = 12
    case leakSuspected = 13
    case stackNearLimit = 14
    case mapsNearLimit = 15
    case writableExecutable = 16
    /// The kernel dropped records, or, without a count, they were not taken for a while: what happened in between is
    /// known only by comparing looks.
    case gap = 17

    /// The word users see and type: `brk-grow`.
    package var name: String {
        switch self {
        case .attached: "attached"
        case .brkGrow: "brk-grow"
        case .brkShrink: "brk-shrink"
        case .mmap: "mmap"
        case .munmap: "munmap"
        case .resize: "resize"
        case .protect: "protect"
        case .stackGrow: "stack-grow"
        case .exec: "exec"
        case .fork: "fork"
        case .exit: "exit"
        case .detached: "detached"
        case .threshold: "threshold"
        case .leakSuspected: "leak-suspected"
        case .stackNearLimit: "stack-near-limit"
        case .mapsNearLimit: "maps-near-limit"
        case .writableExecutable: "writable-executable"
        case .gap: "gap"
        }
    }

    package init?(name: some StringProtocol) {
        guard let type = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = type
    }

    /// It says that something is wrong, and not what happened.
    package var isAlert: Bool {
        switch self {
        case .threshold, .leakSuspected, .stackNearLimit, .mapsNearLimit, .writableExecutable: true
        default: false
        }
    }
}

/// How an event is known.
package enum EventSource: UInt8, Sendable, CaseIterable {
    /// Seen by comparing two looks: it happened at or before its time.
    case sample = 0
    /// The kernel reported it, with its exact time and thread.
    case perf = 1

    package var name: String { self == .perf ? "perf" : "sample" }
}

/// One change of one process's memory. Owns its bytes, so it can outlive the look that found it.
package struct MemoryEvent: Hashable, Sendable {
    package var time: Timestamp
    package var pid: Int32
    /// The process's name at that time, raw bytes (it may hold anything but NUL).
    package var comm: [UInt8]
    package var type: EventType
    /// nil for events about the whole process.
    package var kind: RegionKind?
    /// Signed bytes. Summed over a process's events, by kind, it is the change of that kind.
    package var delta: Int64?
    /// Size of the region afterwards (0 when it is gone); for events about the whole process its VmSize.
    package var size: UInt64?
    package var start: UInt64?
    package var end: UInt64?
    package var permissions: Permissions?
    /// Raw bytes as maps prints them.
    package var path: [UInt8]?
    /// The thread that did it (perf), or whose stack it is (sample).
    package var tid: Int32?
    package var source: EventSource
    /// For ``EventSource/sample``: it had not yet happened at this time; nil where that is not known.
    package var notBefore: Timestamp?
    /// How many changes this one event stands for, or how many records a gap lost; nil for one change. 0 of an
    /// alert: that it is over.
    package var count: UInt64?
    /// For ``EventType/fork``: the new process.
    package var child: Int32?

    package init(
        time: Timestamp, pid: Int32, comm: [UInt8], type: EventType, source: EventSource = .sample
    ) {
        self.time = time
        self.pid = pid
        self.comm = comm
        self.type = type
        self.source = source
    }
}

extension MemoryEvent {
    /// True of an alert that is over.
    package var isCleared: Bool { type.isAlert && count == 0 }
}
