package import MemoryModel
package import ProcFS

// Who may become a target, and what is remembered of it.
extension Tracer {
    /// Opens a process for ``attach(_:options:resuming:)``: says who it is, and that it can be looked at.
    ///
    /// - Throws: ``ProcError/gone(pid:)``; ``ProcError/noMemory(pid:state:)`` for kernel threads and
    ///   zombies; ``ProcError/denied(path:)`` where this daemon may not read its map.
    package nonisolated func open(pid: Int32) async throws(ProcError) -> Candidate {
        let root = root
        return try await run(on: helpers) { () throws(ProcError) in try Self.open(pid, in: root) }
    }

    nonisolated static func open(_ pid: Int32, in root: ProcRoot) throws(ProcError) -> Candidate {
        let directory = try root.open(pid: pid)
        let stat = try directory.stat()
        if stat.isKernelThread { throw .noMemory(pid: pid, state: .kernelThread) }
        if stat.isZombie { throw .noMemory(pid: pid, state: .zombie) }
        // A few lines are enough to know whether the map may be read at all.
        var look = MapsLook()
        try directory.look(into: &look, limitBytes: 1)
        return Candidate(directory: directory, description: try directory.describe())
    }

    /// A process that may become a target.
    package struct Candidate: Sendable {
        package let directory: ProcessDirectory
        package var description: ProcessDescription
    }

    /// What is remembered of a process from before the daemon's restart.
    package struct Memory: Sendable {
        package var attached: Timestamp
        package var regions: [(region: Region, path: [UInt8])]
        package var sample: Sample?
        /// What was told of after ``regions`` was remembered: signed bytes of each kind.
        package var toldSince: [RegionKind: Int64]

        package init(
            attached: Timestamp, regions: [(region: Region, path: [UInt8])], sample: Sample?,
            toldSince: [RegionKind: Int64] = [:]
        ) {
            self.attached = attached
            self.regions = regions
            self.sample = sample
            self.toldSince = toldSince
        }
    }
}
