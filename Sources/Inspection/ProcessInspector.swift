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
    package func inspect(pid: Int32, at time: Timestamp = .now) throws(ProcError) -> ProcessInspection {
        var inspector = TargetInspector(directory: try root.open(pid: pid), images: images)
        let outcome = try inspector.look(at: time, accepting: true)
        return ProcessInspection(
            regions: inspector.regions, paths: inspector.paths, sample: outcome.sample,
            isTruncated: inspector.isTruncated)
    }
}
