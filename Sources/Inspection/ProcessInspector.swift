package import MemoryModel
package import ProcFS

/// One process, looked at once.
package struct ProcessInspection: Sendable {
    /// Ascending, without overlap.
    package var regions: [Region]
    /// The names of ``regions``.
    package var paths: PathTable
    package var sample: Sample
    /// True if there was more maps text than memwatch reads (16 MiB): ``regions`` is the lower part.
    package var isTruncated: Bool
    /// Bytes in memory of each of ``regions``, where they were asked for; nil of one that cannot be told.
    package var resident: [UInt64?]?
    /// Who the process was, read right after its map; nil where that cannot be told.
    package var credentials: ProcessCredentials?
}

/// Looks at a process without having known it before: what `memwatch regions PID` does.
package struct ProcessInspector: Sendable {
    private let root: ProcRoot
    private let images: any ImageSource

    package init(root: ProcRoot = ProcRoot(), images: any ImageSource = DirectImageSource()) {
        self.root = root
        self.images = images
    }

    /// - Throws: ``ProcError/gone(pid:)``, ``ProcError/denied(path:)``,
    ///   ``ProcError/noMemory(pid:state:)`` for kernel threads and zombies.
    ///
    /// - Parameter countsResident: also find out how much of each region is in memory. That takes about 1.5 s
    ///   for 4 GB, most of it asleep: see ``ResidentCount``.
    package func inspect(
        pid: Int32, at time: Timestamp = .now, countsResident: Bool = false
    ) throws(ProcError) -> ProcessInspection {
        let directory = try root.open(pid: pid)
        var inspection = try inspect(directory, at: time)
        if countsResident { inspection.resident = directory.residentBytes(of: inspection.ranges) }
        return inspection
    }

    /// The same, with a count of what is in memory for the caller to go on with; nil where that may not be read.
    package func inspectToCount(
        pid: Int32, at time: Timestamp = .now
    ) throws(ProcError) -> (inspection: ProcessInspection, count: ResidentCount?) {
        let directory = try root.open(pid: pid)
        let inspection = try inspect(directory, at: time)
        return (inspection, directory.residentCount(of: inspection.ranges))
    }

    private func inspect(
        _ directory: ProcessDirectory, at time: Timestamp
    ) throws(ProcError) -> ProcessInspection {
        var inspector = TargetInspector(directory: directory, images: images)
        let outcome = try inspector.look(at: time, accepting: true)
        return ProcessInspection(
            regions: inspector.regions, paths: inspector.paths, sample: outcome.sample,
            isTruncated: inspector.isTruncated, credentials: outcome.credentials)
    }
}

extension ProcessInspection {
    fileprivate var ranges: [Range<UInt64>] { regions.map { $0.start..<max($0.start, $0.end) } }
}
