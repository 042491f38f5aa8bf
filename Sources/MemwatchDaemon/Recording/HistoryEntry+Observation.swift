import History
import MemoryModel
import Tracing

// The tracer and the history know nothing of each other; here their values meet.

extension HistoryEntry {
    init(_ row: HistoryProcessID, _ observation: Observation) {
        self.init(
            process: row, time: observation.time, sample: observation.sample,
            died: observation.died.map(HistoryRegion.init), born: observation.born.map(HistoryRegion.init),
            events: observation.events,
            ended: observation.ended.map { Ending(time: observation.time, state: $0) }
                ?? (observation.events.contains { $0.type == .detached }
                    ? Ending(time: observation.time, state: .running) : nil),
            executedImage: observation.description.map { ExecutedImage(comm: $0.comm, exe: $0.exe) },
            postMortem: observation.postMortem)
    }
}

extension HistoryRegion {
    init(_ observed: ObservedRegion) {
        let region = observed.region
        self.init(
            start: region.start, end: region.end, permissions: region.permissions, offset: region.offset,
            device: region.device, inode: region.inode, path: observed.path.isEmpty ? nil : observed.path,
            kind: region.kind, tid: region.tid)
    }

    /// Without its name, which goes beside it.
    var region: Region {
        Region(
            start: start, end: end, permissions: permissions, offset: offset, device: device, inode: inode,
            path: .none, kind: kind, tid: tid)
    }
}
