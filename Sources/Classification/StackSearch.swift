import MemoryModel

/// The search for thread stacks in one look; ``ThreadStackRules`` says in which order.
struct StackSearch {
    private let look: Look
    private let bss: Claims
    private let arenas: Claims
    private let mainStack: Range<Int>
    /// By start address.
    private var found: [UInt64: Claim] = [:]
    private var guards: [Claim] = []
    private var sizes = StackSizes()

    init(_ look: Look, bss: Claims, arenas: Claims, mainStack: Range<Int>) {
        self.look = look
        self.bss = bss
        self.arenas = arenas
        self.mainStack = mainStack
    }

    func claims() -> Claims { Claims(Array(found.values) + guards) }

    // MARK: By name

    /// Areas that libc named. The tid is what the name says; glibc leaves it off when the
    /// thread has exited.
    mutating func takeNamed() {
        for (index, area) in look.areas.enumerated() where look.name(area) == .namedThreadStack {
            guard look.isPlain(area), !area.permissions.isNone else { continue }
            take(area.start..<area.end, in: index, tid: look.namedThread(area))
        }
    }

    // MARK: By stack pointer

    /// Memory a stack pointer points into.
    private struct Candidate {
        var index: Int
        var range: Range<UInt64>
        var hasGuard: Bool
        var highest: UInt64
        var threads: Int
        var lowestTid: Int32
    }

    /// Returns how many threads were explained, be it that they run on a stack that is not theirs
    /// (heap, an arena).
    mutating func takeProved(_ threads: [ThreadEvidence], _ previous: [Region]) -> Int {
        var pointers: [(address: UInt64, tid: Int32)] = []
        for thread in threads {
            if let pointer = thread.stackPointer { pointers.append((pointer, thread.tid)) }
        }
        pointers.sort { $0 < $1 }
        var candidates: [Candidate] = []
        for pointer in pointers {
            guard let index = look.index(containing: pointer.address),
                let range = free(around: pointer.address, in: index)
            else { continue }
            if let last = candidates.indices.last, candidates[last].range == range {
                candidates[last].highest = pointer.address
                candidates[last].threads += 1
                candidates[last].lowestTid = min(candidates[last].lowestTid, pointer.tid)
                continue
            }
            candidates.append(
                Candidate(
                    index: index, range: range, hasGuard: hasGuard(below: range.lowerBound, index),
                    highest: pointer.address, threads: 1, lowestTid: pointer.tid))
        }
        for candidate in candidates where candidate.hasGuard {
            sizes.note(candidate.range.upperBound &- candidate.range.lowerBound)
        }
        for candidate in candidates where isPlausible(candidate) {
            let end = end(of: candidate, previous)
            take(candidate.range.lowerBound..<end, in: candidate.index, tid: candidate.lowestTid)
        }
        return pointers.count
    }

    /// Without a guard (MADV_GUARD_INSTALL makes none that maps would show) any memory could
    /// be meant. Go keeps the stacks of its threads inside its heap: gigabytes, beginning at
    /// a multiple of 64 MiB, that are no stack.
    private func isPlausible(_ candidate: Candidate) -> Bool {
        if candidate.hasGuard { return true }
        let area = look.areas[candidate.index]
        if area.permissions.isExecutable { return false }
        if candidate.range.lowerBound & (ThreadStackRules.largestStack &- 1) == 0 { return false }
        let size = candidate.range.upperBound &- candidate.range.lowerBound
        return size / UInt64(candidate.threads) <= ThreadStackRules.largestStack
    }

    private func end(of candidate: Candidate, _ previous: [Region]) -> UInt64 {
        let range = candidate.range
        // Looks shall agree: where the last one ended a stack it knew the thread of, it still ends.
        if let region = previous.region(startingAt: range.lowerBound), region.tid != 0,
            region.end > candidate.highest, region.end <= range.upperBound
        {
            return region.end
        }
        guard candidate.threads == 1, candidate.hasGuard else { return range.upperBound }
        return sizes.end(of: range, guardSize: guardSize(below: candidate.index), pointer: candidate.highest)
    }

    // MARK: By an earlier look

    /// `previous` are the stacks of the last look, ascending. A tid stays while its thread lives
    /// and cannot be asked. Returns how many are kept.
    mutating func takeKept(_ previous: [Region], _ threads: [ThreadEvidence]) -> Int {
        var silent: Set<Int32> = []
        for thread in threads where thread.stackPointer == nil { silent.insert(thread.tid) }
        var kept = 0
        for region in previous where found[region.start] == nil {
            guard let index = look.index(containing: region.start),
                let range = free(around: region.start, in: index),
                range.lowerBound == region.start, region.end <= range.upperBound
            else { continue }
            take(region.start..<region.end, in: index, tid: silent.contains(region.tid) ? region.tid : 0)
            kept += 1
        }
        return kept
    }

    // MARK: By shape

    private struct Guess {
        var index: Int
        var range: Range<UInt64>
        var likelihood: Int
        var size: UInt64 { range.upperBound &- range.lowerBound }
    }

    mutating func takeShaped(atMost count: Int) {
        guard count > 0 else { return }
        var guesses: [Guess] = []
        // Threads of one program resemble each other: what has many of its size is likelier.
        var ofSize: [UInt64: Int] = [:]
        for (index, area) in look.areas.enumerated() where area.permissions.isReadWriteOnly {
            guard hasGuard(below: area.start, index), found[area.start] == nil,
                let range = free(around: area.start, in: index)
            else { continue }
            let end = sizes.usualEnd(of: range)
            let guess = Guess(
                index: index, range: range.lowerBound..<end,
                likelihood: sizes.likelihood(
                    of: end &- range.lowerBound, isWhole: end == range.upperBound))
            // Runtimes keep small pieces of memory above large reserves: nobody guards a stack with more than it has.
            guard guess.size <= ThreadStackRules.largestStack, guardSize(below: index) <= guess.size else {
                continue
            }
            ofSize[guess.size, default: 0] += 1
            guesses.append(guess)
        }
        // mmap places downwards, so the higher of two is the older.
        guesses.sort {
            ($0.likelihood, ofSize[$0.size] ?? 0, $0.index) > ($1.likelihood, ofSize[$1.size] ?? 0, $1.index)
        }
        for guess in guesses.prefix(count) { take(guess.range, in: guess.index, tid: 0) }
    }

    // MARK: Shared by all

    private mutating func take(_ range: Range<UInt64>, in index: Int, tid: Int32) {
        found[range.lowerBound] = Claim(
            start: range.lowerBound, end: range.upperBound, kind: .threadStack, tid: tid)
        guard hasGuard(below: range.lowerBound, index, largest: .max) else { return }
        let below = look.areas[index - 1]
        guards.append(Claim(start: below.end &- guardSize(below: index), end: below.end, kind: .guardPages))
    }

    /// The part of area `index` around `address` that could be a stack: private anonymous,
    /// accessible, nobody else's.
    private func free(around address: UInt64, in index: Int) -> Range<UInt64>? {
        let area = look.areas[index]
        guard look.isPlain(area), !area.permissions.isNone, !mainStack.contains(index),
            let range = bss.gap(around: address, within: area.start..<area.end)
        else { return nil }
        return arenas.gap(around: address, within: range)
    }

    private func hasGuard(
        below start: UInt64, _ index: Int, largest: UInt64 = ThreadStackRules.largestGuard
    ) -> Bool {
        guard look.areas[index].start == start, look.touchesPrevious(index) else { return false }
        let below = look.areas[index - 1]
        return look.isInaccessible(below) && below.size <= largest
            && !arenas.contains(below.end &- 1) && !bss.contains(below.end &- 1)
            && !mainStack.contains(index - 1)
    }

    /// Bytes of guard below area `index`. Where the guard was merged with inaccessible memory
    /// below it, the border is lost: an arena's reserve ends at a multiple of 64 MiB, else a
    /// page is what pthread_create makes.
    private func guardSize(below index: Int) -> UInt64 {
        let below = look.areas[index - 1]
        if below.size <= ThreadStackRules.largestGuard {
            // Of a reserve that an arena claims, what is left.
            guard let range = arenas.gap(around: below.end &- 1, within: below.start..<below.end) else {
                return 0
            }
            return range.upperBound &- range.lowerBound
        }
        let beyond = below.end & (ThreadStackRules.largestStack &- 1)
        return beyond != 0 && beyond <= ThreadStackRules.largestGuard ? beyond : look.pageSize
    }
}

extension [Region] {
    /// The region of a sorted array that begins at `start`.
    func region(startingAt start: UInt64) -> Region? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].start < start { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low].start == start ? self[low] : nil
    }
}
