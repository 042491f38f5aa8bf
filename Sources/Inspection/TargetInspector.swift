import Classification
import Glibc
package import MemoryModel
package import ProcFS

/// Looks at one process again and again, and knows what each look found.
///
/// Keeps the regions of the last accepted look, a digest of its areas, and the ELF layouts of the images that
/// are mapped, so that a look at an unchanged process classifies nothing.
package struct TargetInspector: Sendable {
    package let directory: ProcessDirectory
    /// The last accepted look: ascending regions, named in ``paths``. Empty while ``isAtRest``.
    package private(set) var regions: [Region] = []
    /// The same, packed; nil while not at rest.
    package private(set) var packed: PackedMap?
    package private(set) var totals = KindTotals()
    /// True if the last look had to stop at its limit of maps text.
    package private(set) var isTruncated = false
    /// The names of ``regions``, and of whatever else its user has put there.
    package var paths = PathTable()

    /// How many ``regions`` there are, also at rest.
    package private(set) var regionCount = 0
    private var heapEnd: UInt64?
    /// The areas and the number of threads that ``regions`` were made of.
    private var classifiedAreas: AreaDigest?
    private var classifiedThreads: UInt32?
    private var image: ImageMark?
    private var images = KnownImages()
    /// Set by a look that gave names new ids.
    private var translation: PathRenaming?
    /// True while an image's header was not to be had in time, so that the next look must ask again.
    private var awaitsImages = false
    private let imageSource: any ImageSource
    private var stackLimit: UInt64?
    private var stackLimitRead: Timestamp?

    package init(directory: ProcessDirectory, images imageSource: any ImageSource) {
        self.directory = directory
        self.imageSource = imageSource
    }

    /// Where the heap begins, from the last accepted look; nil where the kernel hides addresses.
    package private(set) var startBrk: UInt64?

    /// True if the last look has given names new ids: who keeps ids from before must ask ``translated(_:)``.
    package var hasRenamedPaths: Bool { translation != nil }

    /// The id that a name has since the last look; `none` for one that no area had any more.
    package func translated(_ id: PathID) -> PathID { translation?(id) ?? id }

    // MARK: At rest

    /// True while the map is kept packed, because nothing has changed for a while: see ``rest()``.
    package var isAtRest: Bool { packed != nil }

    /// Packs the map. A look that finds it as it was leaves it packed; any other unpacks it.
    package mutating func rest() {
        guard packed == nil else { return }
        packed = PackedMap(regions)
        regions = []
        paths.trim()
        let common = RestShare.shared(.init(paths: paths, images: images))
        (paths, images) = (common.paths, common.images)
    }

    /// Unpacks the map.
    package mutating func wake() {
        guard let packed else { return }
        regions = packed.regions
        self.packed = nil
    }

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
        /// True if the process has one thread, and that slept after the map was read (not in a system call that
        /// cannot be interrupted: vfork(2) waits so, for a child that shares its memory).
        package var isAsleep = false
    }

    /// Reads, parses, classifies. About 300 ns an area, nearly all of it the kernel's.
    ///
    /// - Parameter acceptsInconsistent: take the map even if it is not consistent, for a reader that
    ///   has no earlier one to fall back on.
    package mutating func look(
        at time: Timestamp, accepting acceptsInconsistent: Bool = false
    ) throws(ProcError) -> Outcome {
        var maps = ScratchLooks.take()
        if paths.mayForgetNames {
            // A look throws out names that no area has: these count as the areas of the look before.
            wake()
            maps.areas = regions.map(VMA.init)
        }
        maps.reserve(regionCount)
        // Moved and not copied, so that a new name does not copy the table.
        swap(&maps.paths, &paths)
        let result: Result<Outcome, ProcError>
        do throws(ProcError) {
            result = .success(try look(into: &maps, at: time, accepting: acceptsInconsistent))
        } catch {
            result = .failure(error)
        }
        swap(&maps.paths, &paths)
        ScratchLooks.giveBack(maps)
        return try result.get()
    }

    private mutating func look(
        into maps: inout MapsLook, at time: Timestamp, accepting acceptsInconsistent: Bool
    ) throws(ProcError) -> Outcome {
        // Before status is read, which fails if the number that the limit goes by means another by now.
        refreshStackLimit(time)
        let status: ProcessStatus
        do throws(ProcError) {
            status = try directory.lookWithStatus(into: &maps)
            translatePaths(maps)
        } catch {
            // It may have thrown out names before it failed.
            translatePaths(maps)
            throw error
        }
        var outcome = Outcome(sample: sample(time, status, maps))
        outcome.credentials = ProcessCredentials(status, mapsOwner: maps.ownerUID)
        outcome.isAsleep = status.threads == 1 && status.isAsleep
        if maps.isConsistent || maps.isTruncated || acceptsInconsistent { try accept(maps, status, &outcome) }
        outcome.sample.kinds = totals
        outcome.sample.regionCount = UInt32(clamping: regionCount)
        outcome.sample.programBreak = heapEnd ?? startBrk
        return outcome
    }

    /// Takes what a history remembers as the last look, so that changes since then are seen as changes.
    package mutating func resume(from remembered: [(region: Region, path: [UInt8])]) {
        regions = remembered.map { entry in
            var region = entry.region
            region.path = paths.intern(entry.path)
            return region
        }
        count()
    }

    private mutating func accept(
        _ maps: MapsLook, _ status: ProcessStatus, _ outcome: inout Outcome
    ) throws(ProcError) {
        outcome.isAccepted = true
        isTruncated = maps.isTruncated
        let digest = AreaDigest(maps.areas)
        // The same areas, the vdso at its random place among them, are the same program's.
        if digest == classifiedAreas, status.threads == classifiedThreads, !awaitsImages { return }
        let stat = try directory.stat()
        startBrk = stat.startBrk
        let mark = ImageMark(stat, maps)
        outcome.isNewImage = image.map { mark.isAnotherImage(than: $0) } ?? false
        image = mark
        wake()
        let previous = regions
        try classify(maps, stat, status, afterExec: outcome.isNewImage)
        classifiedAreas = digest
        if regions != previous { outcome.previous = previous }
    }

    private mutating func classify(
        _ maps: MapsLook, _ stat: ProcessStat, _ status: ProcessStatus, afterExec: Bool
    ) throws(ProcError) {
        var evidence = ProcessEvidence(
            startBrk: stat.startBrk, startStack: stat.startStack,
            threadCount: status.threads.map { Int($0) }, mountTypes: directory.mountTypes(),
            internalDevices: InternalDevices(
                shmem: KernelMounts.sharedMemory, hugetlb: KernelMounts.hugetlb),
            pageSize: Self.pageSize)
        if status.threads != 1 { evidence.threads = try threads() }
        let images = readImages(maps, evidence)
        var next: [Region] = []
        next.reserveCapacity(maps.areas.count + 8)
        Classifier().classify(
            areas: maps.areas, paths: maps.paths, evidence: evidence, images: images,
            previous: afterExec ? [] : regions, into: &next)
        regions = next
        count()
        classifiedThreads = status.threads
    }

    private mutating func count() {
        totals = KindTotals(of: regions)
        regionCount = regions.count
        heapEnd = nil
        guard totals[.heap] != 0 else { return }
        for region in regions {
            // Not by ==, which here is a call for each.
            if case .heap = region.kind { heapEnd = region.end }
        }
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
    private mutating func readImages(
        _ maps: MapsLook, _ evidence: ProcessEvidence
    ) -> ImageTable<ImageLayout> {
        let known = ImageTable<ImageLayout>(images)
        let wanted = Classifier.imagesToRead(areas: maps.areas, paths: maps.paths, evidence: evidence)
        var kept = KnownImages()
        kept.reserveCapacity(wanted.count)
        awaitsImages = false
        imageSource.prepare()
        if images.count == 0, let all = imageSource.known(wanted) {
            images = all
            return ImageTable(all)
        }
        for (key, area) in wanted {
            if let layout = known.layout(of: key) {
                kept.append(key, layout)
                continue
            }
            let path = Array(maps.paths.bytes(of: area.path))
            if let layout = imageSource.layout(of: area, path: path, in: directory) {
                kept.append(key, layout)
            } else {
                awaitsImages = true
            }
        }
        images = kept
        return ImageTable(kept)
    }

    /// A look may have thrown out names nobody uses any more and renumbered the rest.
    private mutating func translatePaths(_ maps: MapsLook) {
        translation = maps.translation
        guard translation != nil else { return }
        for index in regions.indices { regions[index].path = translated(regions[index].path) }
        // Of areas with other ids.
        classifiedAreas = nil
    }

    /// A process's limits hardly ever change (prlimit(2)), and reading them takes as long as reading fifty
    /// areas: once a minute is enough.
    private mutating func refreshStackLimit(_ time: Timestamp) {
        let age = stackLimitRead.map { time.microseconds &- $0.microseconds }
        if let age, (0..<60_000_000).contains(age) { return }
        stackLimit = directory.stackLimit()
        stackLimitRead = time
    }

    private func sample(_ time: Timestamp, _ status: ProcessStatus, _ maps: MapsLook) -> Sample {
        var sample = Sample(time: time, pid: directory.pid)
        sample.read(status)
        sample.vmSizeBytes = maps.sizeBytes
        sample.stackLimitBytes = stackLimit
        sample.isConsistent = maps.isConsistent && !maps.isTruncated
        return sample
    }

    private static let pageSize = UInt64(clamping: sysconf(Int32(_SC_PAGESIZE)))
}

extension VMA {
    fileprivate init(_ region: Region) {
        self.init(
            start: region.start, end: region.end, permissions: region.permissions, path: region.path)
    }
}
