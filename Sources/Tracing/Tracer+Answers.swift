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

    /// The map as far as it has been delivered: whoever has missed observations goes on from here with the next.
    package func toldRegions(of id: TargetID) -> [ObservedRegion]? { targets[id]?.toldRegions }

    /// How kernel events stand; the counts are of all targets since the start.
    package nonisolated var kernelState: KernelEventsState { kernel.state }

    /// A look of its own at any process, watched or not.
    ///
    /// - Parameter countsResident: also what of each region is in memory, as far as that is to be had in twenty
    ///   seconds: a process of more than some fifty gigabytes takes longer.
    package nonisolated func inspect(
        pid: Int32, countsResident: Bool = false
    ) async throws(ProcError) -> ProcessInspection {
        let inspector = ProcessInspector(root: root, images: images)
        guard countsResident else {
            return try await run(on: helpers) { () throws(ProcError) in try inspector.inspect(pid: pid) }
        }
        var (inspection, count) = try await run(on: helpers) { () throws(ProcError) in
            try inspector.inspectToCount(pid: pid)
        }
        inspection.resident = Array(repeating: nil, count: inspection.regions.count)
        if let count {
            await advanceToEnd(count)
            inspection.resident = count.bytes
        }
        return inspection
    }

    /// No thread sleeps through the rests: there are two for everybody's questions.
    private nonisolated func advanceToEnd(_ count: ResidentCount) async {
        let deadline = ContinuousClock.now + Self.longestCount
        while let rest = await run(on: helpers, { count.advance() }), ContinuousClock.now < deadline {
            // Cancelled: nobody waits for the answer any more.
            guard (try? await Task.sleep(for: rest)) != nil else { return }
        }
    }

    /// Clients give up after thirty.
    private static var longestCount: Duration { .seconds(20) }
}
