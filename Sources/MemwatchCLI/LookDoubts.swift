import Inspection
import MemoryModel
import MemwatchInterface
import Varlink

/// Why a look at a process may not be all of it, or not of one moment.
struct LookDoubts {
    private var isTruncated = false
    private var isConsistent = true

    init() {}

    init(_ inspection: ProcessInspection) {
        isTruncated = inspection.isTruncated
        isConsistent = inspection.sample.isConsistent
    }

    /// From a part of the answer to `Regions`.
    mutating func take(_ reply: VarlinkReply) {
        if reply["truncated"]?.boolValue == true { isTruncated = true }
        if reply["consistent"]?.boolValue == false { isConsistent = false }
    }

    /// On standard error, as far as there is something to say.
    func tell(command: String) {
        if isTruncated {
            Diagnostics.line(
                command: command,
                "there is more than 16 MiB of maps text, and memwatch reads no more: this is the lower part")
        } else if !isConsistent {
            Diagnostics.line(
                command: command, "the process changed while it was read: sizes may not add up, try again")
        }
    }
}

extension ProcessInspection {
    /// Its regions as users see them, one made when it is asked for.
    var records: some Sequence<RegionRecord> {
        regions.indices.lazy.map { index in
            var record = RegionRecord(regions[index], path: paths.bytes(of: regions[index].path))
            if let resident { record.setResident(resident[index]) }
            return record
        }
    }
}
