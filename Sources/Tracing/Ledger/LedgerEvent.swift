package import MemoryModel

/// One entry of the ledger: a ``MemoryEvent`` before anyone has said which process, and with the clock of
/// the kernel's records.
package struct LedgerEvent: Hashable, Sendable {
    package var type: EventType
    /// nil for exec, fork and gap as such.
    package var kind: RegionKind?
    /// Signed bytes of ``kind``: what the event did to the shadow map. Summed by kind over any stretch of
    /// the ledger, they are the difference of the shadow map's totals, to the byte.
    package var delta: Int64?
    /// Bytes afterwards: of the region; of the whole heap for brk changes; of the kind, or VmSize, for exec.
    package var sizeAfter: UInt64?
    /// The range that changed, not the whole area.
    package var start: UInt64?
    package var end: UInt64?
    package var permissions: Permissions?
    package var path: PathID = .none
    /// CLOCK_MONOTONIC: exactly then (perf), or at or before it (sample).
    package var nanoseconds: Int64
    /// For ``EventSource/sample``: it had not yet happened at this time; nil where nothing is known of before.
    package var notBefore: Int64?
    package var source: EventSource
    /// The thread that did it (perf), or whose stack it is (sample).
    package var tid: Int32?
    /// How many events a summary stands for, or how many records a gap lost.
    package var count: UInt64?
    /// For ``EventType/fork``: the new process.
    package var child: Int32?
    /// For ``EventType/exec`` as a whole: the name of the program from now on.
    package var comm: [UInt8]?

    package init(
        _ type: EventType, kind: RegionKind? = nil, delta: Int64? = nil, nanoseconds: Int64,
        source: EventSource, tid: Int32? = nil
    ) {
        self.type = type
        self.kind = kind
        self.delta = delta
        self.nanoseconds = nanoseconds
        self.source = source
        self.tid = tid
    }
}

/// What is known beside the records when they are applied.
package struct LedgerContext: Hashable, Sendable {
    /// `start_brk` of `/proc/[pid]/stat`; nil where it is hidden.
    package var startBrk: UInt64?
    /// When the look that is given was begun and ended, CLOCK_MONOTONIC; nil if all records are older.
    package var look: LookWindow?
    package var pageBytes: UInt64 = 4096
    /// Keep each child's beginning for ``Ledger/takeForks()``.
    package var keepsForks = false

    package init(startBrk: UInt64? = nil, look: LookWindow? = nil) {
        self.startBrk = startBrk
        self.look = look
    }
}

/// A look at maps is not made at an instant: what it shows was so at some time between these two.
package struct LookWindow: Hashable, Sendable {
    package var began: Int64
    package var ended: Int64

    /// Nanoseconds of CLOCK_MONOTONIC.
    package init(began: Int64, ended: Int64) {
        self.began = began
        self.ended = ended
    }
}
