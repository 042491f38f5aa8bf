import Classification
import Glibc
package import MemoryModel
package import ProcFS

/// Looks at one process again and again, and knows what each look found.
///
/// Keeps the areas and regions of the last accepted look and the ELF layouts of the images that are
/// mapped, so that a look at an unchanged process classifies nothing.
package struct TargetInspector: Sendable {
    package let directory: ProcessDirectory
    /// The last accepted look: ascending regions, named in ``paths``.
    package private(set) var regions: [Region] = []
    package private(set) var totals = KindTotals()
    /// True if the last look had to stop at its limit of maps text.
    package private(set) var isTruncated = false

    private var maps = MapsLook()
    /// The areas and the number of threads that ``regions`` were made of.
    private var classifiedAreas: [VMA] = []
    private var classifiedThreads: UInt32?
    private var image: ImageMark?
    private var images: [ImageKey: ImageLayout] = [:]
    /// True while an image's header was not to be had in time, so that the next look must ask again.
    private var awaitsImages = false
    private let imageSource: any ImageSource
    private var stackLimit: UInt64?
    private var stackLimitRead: Timestamp?

    package init(directory: ProcessDirectory, images imageSource: any ImageSource) {
        self.directory = directory
        self.imageSource = imageSource
    }

    /// The names of ``regions``, and of whatever else its user has put there.
    package var paths: PathTable {
        get { maps.paths }
        _modify { yield &maps.paths }
    }

    /// Where the heap begins, from the last accepted look; nil where the kernel hides addresses.
    package private(set) var startBrk: UInt64?

    /// True if the last look has given names new ids: who keeps ids from before must ask ``translated(_:)``.
    package var hasRenamedPaths: Bool { maps.translation != nil }

    /// The id that a name has since the last look; `none` for one that no area had any more.
    package func translated(_ id: PathID) -> PathID { maps.translated(id) }

    /// What one look gave.
    package struct Outcome: Sendable {
        package var sample: Sample
        /// False where the process would not hold still: ``TargetInspector/regions`` is still the
        /// map of the last consistent look, and only the sample is new.
        package var isAccepted = false
        /// The map before, where this look changed it; nil where nothing changed.
        package var previous: [Region]?
        /// True if the process has replaced its program since the last accepted look.
        package var isNewImage = false
        /// Who the process was, read right after the map; nil where that cannot be told.
        package var credentials: ProcessCredentials?
    }

    /// Reads, parses, classifies. About 300 ns an area, nearly all of it the kernel's.
    ///
    /// - Parameter acceptsInconsistent: take the map even if it is not consistent, for a reader that
    ///   has no earlier one to fall back on.
    package mutating func look(
        at time: Timestamp, accepting acceptsInconsistent: Bool = false
    ) throws(ProcError) -> Outcome {
        do throws(ProcError) {
            try directory.look(into: &maps)
            translatePaths()
        } catch {
            // It may have thrown out names before it failed, and what it has of the areas is of no use.
            translatePaths()
            maps.areas = classifiedAreas
            throw error
        }
        let status = try directory.status()
        let stat = try directory.stat()
        refreshStackLimit(time)
        var outcome = Outcome(sample: sample(time, status))
        outcome.credentials = directory.credentials(status)
        if maps.isConsistent || maps.isTruncated || acceptsInconsistent {
            try accept(stat, status, &outcome)
        } else {
            // The names of the accepted map must outlive this look.
            maps.areas = classifiedAreas
        }
        outcome.sample.kinds = totals
        outcome.sample.regionCount = UInt32(clamping: regions.count)
        outcome.sample.programBreak = regions.last { $0.kind == .heap }?.end ?? stat.startBrk
        return outcome
    }

    /// Takes what a history remembers as the last look, so that changes since then are seen as changes.
    package mutating func resume(from remembered: [(region: Region, path: [UInt8])]) {
        regions = remembered.map { entry in
            var region = entry.region
            region.path = maps.paths.intern(entry.path)
            return region
        }
        totals = KindTotals(of: regions)
        // A look throws out names that no area has: these count as the areas of the look before.
        maps.areas = regions.map { region in
            VMA(start: region.start, end: region.end, permissions: region.permissions, path: region.path)
        }
    }

    private mutating func accept(
        _ stat: ProcessStat, _ status: ProcessStatus, _ outcome: inout Outcome
    ) throws(ProcError) {
        outcome.isAccepted = true
        isTruncated = maps.isTruncated
        startBrk = stat.startBrk
        let mark = ImageMark(stat, maps)
        outcome.isNewImage = image.map { mark.isAnotherImage(than: $0) } ?? false
        image = mark
        if maps.areas == classifiedAreas, status.threads == classifiedThreads, !awaitsImages { return }
        let previous = regions
        try classify(stat, status, afterExec: outcome.isNewImage)
        if regions != previous { outcome.previous = previous }
    }

    private mutating func classify(
        _ stat: ProcessStat, _ status: ProcessStatus, afterExec: Bool
    ) throws(ProcError) {
        var evidence = ProcessEvidence(
            startBrk: stat.startBrk, startStack: stat.startStack,
            threadCount: status.threads.map { Int($0) }, mountTypes: directory.mountTypes(),
            internalDevices: InternalDevices(
                shmem: KernelMounts.sharedMemory, hugetlb: KernelMounts.hugetlb),
            pageSize: Self.pageSize)
        if status.threads != 1 { evidence.threads = try threads() }
        readImages(evidence)
        var next: [Region] = []
        next.reserveCapacity(maps.areas.count + 8)
        Classifier().classify(
            areas: maps.areas, paths: maps.paths, evidence: evidence, images: images,
            previous: afterExec ? [] : regions, into: &next)
        regions = next
        totals = KindTotals(of: next)
        classifiedAreas = maps.areas
        classifiedThreads = status.threads
    }

    private func threads() throws(ProcError) -> [ThreadEvidence] {
        var evidence: [ThreadEvidence] = []
        for tid in try directory.threadIDs() {
            var pointer: UInt64?
            switch directory.stackPointer(ofThread: tid) {
            case .at(let address): pointer = address
            case .running, .denied: break
            case .gone: continue
            }
            evidence.append(ThreadEvidence(tid: tid, stackPointer: pointer, isMain: tid == directory.pid))
        }
        return evidence
    }

    /// Headers of images that are new here. Those no longer mapped are forgotten: once nobody maps a
    /// deleted library, its inode number may become another file's.
    private mutating func readImages(_ evidence: ProcessEvidence) {
        var kept: [ImageKey: ImageLayout] = [:]
        awaitsImages = false
        for (key, area) in Classifier.imagesToRead(areas: maps.areas, paths: maps.paths, evidence: evidence) {
            let path = Array(maps.paths.bytes(of: area.path))
            if let layout = images[key] ?? imageSource.layout(of: area, path: path, in: directory) {
                kept[key] = layout
            } else {
                awaitsImages = true
            }
        }
        images = kept
    }

    /// A look may have thrown out names nobody uses any more and renumbered the rest.
    private mutating func translatePaths() {
        guard maps.translation != nil else { return }
        for index in regions.indices { regions[index].path = maps.translated(regions[index].path) }
        for index in classifiedAreas.indices {
            classifiedAreas[index].path = maps.translated(classifiedAreas[index].path)
        }
    }

    /// A process's limits hardly ever change (prlimit(2)), and reading them takes as long as reading fifty
    /// areas: once a minute is enough.
    private mutating func refreshStackLimit(_ time: Timestamp) {
        let age = stackLimitRead.map { time.microseconds &- $0.microseconds }
        if let age, (0..<60_000_000).contains(age) { return }
        stackLimit = directory.stackLimit()
        stackLimitRead = time
    }

    private func sample(_ time: Timestamp, _ status: ProcessStatus) -> Sample {
        var sample = Sample(time: time, pid: directory.pid)
        sample.read(status)
        sample.vmSizeBytes = maps.statm.sizeBytes
        sample.stackLimitBytes = stackLimit
        sample.isConsistent = maps.isConsistent && !maps.isTruncated
        return sample
    }

    private static let pageSize = UInt64(clamping: sysconf(Int32(_SC_PAGESIZE)))
}
