package import MemoryModel

/// What one tick found, over all targets. It is written whole or not at all.
package struct HistoryBatch: Sendable {
    package var entries: [HistoryEntry]

    package init(entries: [HistoryEntry] = []) { self.entries = entries }

    package var isEmpty: Bool { entries.isEmpty }
}

/// What one look at one process found.
package struct HistoryEntry: Sendable {
    package var process: HistoryProcessID
    /// The look's wall-clock time. It may step backwards between entries.
    package var time: Timestamp
    package var sample: Sample?
    /// Regions that are no longer as they were. Each is matched to the open interval of the
    /// same start; any changed attribute is a death and a birth.
    package var died: [HistoryRegion]
    /// Regions that are new, or newly as they are.
    package var born: [HistoryRegion]
    package var events: [MemoryEvent]
    package var ended: Ending?
    package var executedImage: ExecutedImage?
    /// With the last entry of a process that exited: what it held. Kept for as long as its history.
    package var postMortem: PostMortem?

    /// The process is gone, or is no longer watched.
    package struct Ending: Hashable, Sendable {
        package var time: Timestamp
        package var state: TargetState

        package init(time: Timestamp, state: TargetState) {
            self.time = time
            self.state = state
        }
    }

    /// What `exec` changed about a process.
    package struct ExecutedImage: Hashable, Sendable {
        package var comm: [UInt8]
        package var exe: [UInt8]?

        package init(comm: [UInt8], exe: [UInt8]?) {
            self.comm = comm
            self.exe = exe
        }
    }

    package init(
        process: HistoryProcessID, time: Timestamp, sample: Sample? = nil, died: [HistoryRegion] = [],
        born: [HistoryRegion] = [], events: [MemoryEvent] = [], ended: Ending? = nil,
        executedImage: ExecutedImage? = nil, postMortem: PostMortem? = nil
    ) {
        self.process = process
        self.time = time
        self.sample = sample
        self.died = died
        self.born = born
        self.events = events
        self.ended = ended
        self.executedImage = executedImage
        self.postMortem = postMortem
    }
}

/// What a write could not match. All zero unless a caller and the history disagree.
package struct HistoryWriteReport: Hashable, Sendable {
    /// Deaths without an open interval at their start.
    package var unmatchedDeaths = 0
    /// Births onto an open interval, which was closed at the same look.
    package var displacedIntervals = 0
    /// Entries for a process row that is not there.
    package var unknownProcesses = 0

    package init(unmatchedDeaths: Int = 0, displacedIntervals: Int = 0, unknownProcesses: Int = 0) {
        self.unmatchedDeaths = unmatchedDeaths
        self.displacedIntervals = displacedIntervals
        self.unknownProcesses = unknownProcesses
    }
}
