package import MemoryModel

/// Says of every byte of a process's address space where it came from.
///
/// Pure: everything it goes by is handed in, nothing is opened. The areas are cut where the
/// kernel merged memory of different origin, never joined, and the regions cover them exactly,
/// in order, without overlap. What a process can put into its maps changes at worst what is
/// said about that process.
package struct Classifier: Sendable {
    package init() {}

    /// Which files' ELF headers to read before ``classify(areas:paths:evidence:images:previous:into:)``:
    /// those with a private executable mapping that `known` has no answer for, each with the
    /// first such mapping (its address range names the entry in `/proc/[pid]/map_files`).
    ///
    /// Devices are never among them: opening one may have effects.
    package static func imagesToRead(
        areas: [VMA], paths: borrowing PathTable, evidence: ProcessEvidence,
        known: ImageTable<ImageLayout> = [:]
    ) -> [(ImageKey, VMA)] {
        var result: [(ImageKey, VMA)] = []
        var seen = ImageTable<Void>(minimumCapacity: 64)
        var filesystem = FilesystemLookup(evidence)
        result.reserveCapacity(64)
        paths.withNames { bytes, ends in
            for area in areas where ImageRules.mayBeText(area) {
                let key = ImageKey(area)
                if known[key] != nil || seen[key] != nil { continue }
                seen.set(key, ())
                let name = AreaName(area.path, bytes, ends)
                let type = filesystem(area.device)
                if HugetlbRules.isHugetlb(name, on: type) || DeviceRules.isZero(area, name) { continue }
                if DeviceRules.isDevice(area, name, on: type) { continue }
                result.append((key, area))
            }
        }
        return result
    }

    /// Appends the regions of `areas` to `regions`, in ascending order.
    ///
    /// - Parameters:
    ///   - areas: one look at `/proc/[pid]/maps`, in its order. Where a torn look shows an
    ///     address twice, it is counted once.
    ///   - paths: the table that the areas' names are in.
    ///   - images: the headers of the files that ``imagesToRead(areas:paths:evidence:known:)``
    ///     named; a file that is missing counts as unreadable.
    ///   - previous: the last look's regions of the same process and program (not from before
    ///     an exec), ascending, so that what was once proved a thread's stack stays one. May be
    ///     empty.
    package func classify(
        areas: [VMA], paths: borrowing PathTable, evidence: ProcessEvidence,
        images: ImageTable<ImageLayout>, previous: [Region] = [], into regions: inout [Region]
    ) {
        let look = Look(areas: areas, paths: paths, evidence: evidence)
        var imageRules = ImageRules(look, images: images)
        let mainStack = StackRules.areas(look)
        let arenas = ArenaRules(look).claims
        let stacks = ThreadStackRules(
            look, bss: imageRules.bss, arenas: arenas, mainStack: mainStack, previous: previous)
        var cutter = Cutter(bss: imageRules.bss, arenas: arenas, stacks: stacks.claims)
        var filesystem = FilesystemLookup(evidence)

        regions.reserveCapacity(regions.count + look.areas.count)
        for (index, area) in look.areas.enumerated() {
            let name = look.name(area)
            if !look.isAnonymous(area) {
                let type = filesystem(area.device)
                let kind: RegionKind =
                    if HugetlbRules.isHugetlb(name, on: type) {
                        .hugetlb
                    } else if DeviceRules.isZero(area, name) {
                        AnonymousRules.kind(area.permissions)
                    } else if DeviceRules.isDevice(area, name, on: type) {
                        .device
                    } else if let kind = imageRules.kind(of: area, images: images) {
                        kind
                    } else {
                        SharedRules.isShared(area, name, on: type) ? .shared : .file
                    }
                regions.append(Region(area, kind: kind))
            } else if mainStack.contains(index) {
                regions.append(Region(area, kind: StackRules.kind(of: area)))
            } else {
                switch name {
                case .kernel: regions.append(Region(area, kind: .vdso))
                case .stack: regions.append(Region(area, kind: StackRules.kind(of: area)))
                case .heap:
                    cutter.cutHeap(area, at: HeapRules.beginning(of: area, look), into: &regions)
                default:
                    if area.permissions.isShared {
                        regions.append(Region(area, kind: .shared))
                    } else {
                        cutter.cut(area, into: &regions)
                    }
                }
            }
        }
    }
}
