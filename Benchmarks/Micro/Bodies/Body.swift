import Classification
import MemoryModel
import ProcFS
import Tracing

/// What is measured. Each gives how much it did, so that a count of instructions can be trusted.
enum Body: String, CaseIterable {
    /// The text of 1,000 areas, read and parsed.
    case parse = "parse-1000"
    /// 1,000 areas sorted by where their memory came from.
    case classify = "classify-1000"
    /// Two maps of 1,000 regions that are the same.
    case compareSame = "compare-same-1000"
    /// Two maps of 1,000 regions, of which 100 came, went, grew or changed.
    case compareChanged = "compare-changed-1000"
    /// A tick's batch into the history: 100 processes with a sample each, 1,000 region changes with events.
    case historyWrite = "history-write-1000"
    /// 1,000 samples out of it.
    case historyRead = "history-read-1000"

    func prepared(in directory: String) throws -> () throws -> Int {
        switch self {
        case .parse:
            let process = try MapText.process(in: directory, areas: 1000)
            return {
                // Anew, as a first look has it.
                var look = MapsLook()
                try process.look(into: &look)
                return look.isConsistent ? look.areas.count : 0
            }
        case .classify:
            var look = MapsLook()
            try MapText.process(in: directory, areas: 1000).look(into: &look)
            return { [look] in
                var regions: [Region] = []
                Classifier().classify(
                    areas: look.areas, paths: look.paths, evidence: MapText.evidence, images: [:],
                    into: &regions)
                return regions.count
            }
        case .compareSame:
            let regions = Maps.regions(1000)
            return {
                let (changes, _) = MapComparison.compare(from: regions, to: regions)
                return changes.isEmpty ? regions.count : 0
            }
        case .compareChanged:
            let before = Maps.regions(1000)
            let after = Maps.changed(before)
            return { MapComparison.compare(from: before, to: after).changes.count }
        case .historyWrite: return try HistoryWork(in: directory).writing()
        case .historyRead: return try HistoryWork(in: directory).reading()
        }
    }
}
