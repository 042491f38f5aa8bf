package import Inspection
import MemoryModel
package import ProcFS

// What is known of targets, for whoever asks; nothing here changes anything.
extension Tracer {
    package var snapshots: [TargetSnapshot] {
        targets.values.map(\.snapshot).sorted { $0.description.identity.pid < $1.description.identity.pid }
    }

    /// How many targets' changes are not reported by the kernel, with the reason of one of them; and how many are
    /// summed up.
    package var standing: (targets: Int, sampled: Int, reason: String?, summarised: Int) {
        var (sampled, summarised) = (0, 0)
        var reason: String?
        for target in targets.values {
            let standing = target.standing
            if standing.isSummarised { summarised += 1 }
            guard case .sampling(let why) = standing.eventMode else { continue }
            sampled += 1
            // Any, but the same each time.
            reason = min(reason ?? why, why)
        }
        return (targets.count, sampled, reason, summarised)
    }

    package nonisolated var counts: TracerCounts { counters.values }

    package var count: Int { targets.count }

    /// How many are watched for this user, whoever else wants them.
    package func count(of user: UInt32) -> Int { countOfUser[user] ?? 0 }

    package func snapshot(pid: Int32) -> TargetSnapshot? {
        targetOfPID[pid].flatMap { targets[$0] }?.snapshot
    }

    /// The map of the last accepted look.
    package func regions(of id: TargetID) -> [ObservedRegion]? { targets[id]?.regions }

    /// How kernel events stand; the counts are of all targets since the start.
    package nonisolated var kernelState: KernelEventsState { kernel.state }

    /// A look of its own at any process, watched or not.
    package nonisolated func inspect(
        pid: Int32, countsResident: Bool = false
    ) async throws(ProcError) -> ProcessInspection {
        let inspector = ProcessInspector(root: root, images: images)
        return try await run(on: helpers) { () throws(ProcError) in
            try inspector.inspect(pid: pid, countsResident: countsResident)
        }
    }
}
