import MemoryModel

/// Images whose header cannot be read: deleted and out of reach, or of another user.
///
/// What remains is how loaders leave files behind: the segments of one file stand next to
/// each other in the order of the file, and the anonymous memory that begins exactly where
/// the last writable one ends is its bss. Memory that some mmap put there and the kernel
/// merged is then counted as bss too: nothing in maps tells them apart.
enum ImageNeighbourhood {
    /// Old linkers leave this much between text and data of a program; loaders fill it in
    /// libraries, the kernel does not in programs.
    private static let largestHole: UInt64 = 2 << 20

    static func instance(around index: Int, _ look: Look) -> (ImageInstance, bss: Claim?) {
        let areas = look.areas
        let key = ImageKey(areas[index])
        var first = index
        while first > 0, follows(areas[first - 1], areas[first], key) { first -= 1 }
        var last = index
        while last + 1 < areas.count, follows(areas[last], areas[last + 1], key) { last += 1 }
        let instance = ImageInstance(key: key, low: areas[first].start, high: areas[last].end, bias: nil)
        return (instance, tail(behind: first...last, look))
    }

    private static func follows(_ lower: VMA, _ upper: VMA, _ key: ImageKey) -> Bool {
        guard ImageKey(lower) == key, ImageKey(upper) == key else { return false }
        if lower.permissions.isShared || upper.permissions.isShared { return false }
        return lower.offset <= upper.offset && upper.start &- lower.end <= largestHole
    }

    /// The last mapping itself may have been sealed: it is enough that the image has data.
    private static func tail(behind run: ClosedRange<Int>, _ look: Look) -> Claim? {
        let next = run.upperBound + 1
        guard next < look.areas.count, look.touchesPrevious(next), look.isPlain(look.areas[next]),
            look.areas[next].permissions.isWritable,
            look.areas[run].contains(where: { $0.permissions.isWritable })
        else { return nil }
        return Claim(start: look.areas[next].start, end: look.areas[next].end, kind: .bss)
    }
}
