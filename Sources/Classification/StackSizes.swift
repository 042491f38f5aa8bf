/// How large thread stacks are, to cut them off what the kernel merged behind them.
///
/// mmap places downwards, so a new stack comes to lie directly below older memory; where that
/// is writable and anonymous, both become one area. The border is not in maps, but sizes are
/// regular: pthread_create takes RLIMIT_STACK (8 MiB), runtimes a power of two of their own,
/// and threads of one program resemble each other. A thread that sleeps has its stack pointer
/// near its stack's top, which decides between two sizes.
struct StackSizes {
    private static let usual: UInt64 = 8 << 20
    /// Between a sleeping thread's stack pointer and the top of its stack: thread-local storage,
    /// libc's own record, and the frames in use.
    private static let usualDepth: UInt64 = 256 << 10

    private var seen: [UInt64: Int] = [:]

    mutating func note(_ size: UInt64) { seen[size, default: 0] += 1 }

    /// Where a stack at the beginning of `range` ends, whose thread's stack pointer is `pointer`.
    func end(of range: Range<UInt64>, guardSize: UInt64, pointer: UInt64) -> UInt64 {
        let size = range.upperBound &- range.lowerBound
        let depth = pointer &- range.lowerBound
        if seen[size, default: 0] > 1 || size == Self.usual { return range.upperBound }
        var best: UInt64?
        func consider(_ candidate: UInt64) {
            guard candidate > depth, candidate < size, candidate &- depth <= Self.usualDepth else { return }
            best = min(best ?? .max, candidate)
        }
        for (candidate, count) in seen where count > 1 { consider(candidate) }
        if let best { return range.lowerBound &+ best }
        var power: UInt64 = 128 << 10
        while power <= ThreadStackRules.largestStack {
            // Some libraries take the guard from the stack's size, some add it.
            consider(power)
            if guardSize < power { consider(power &- guardSize) }
            power <<= 1
        }
        return range.lowerBound &+ (best ?? size)
    }

    /// The same with no stack pointer to go by: what other threads of the program have, else
    /// what pthread_create gives.
    func usualEnd(of range: Range<UInt64>) -> UInt64 {
        let size = range.upperBound &- range.lowerBound
        if seen[size] != nil { return range.upperBound }
        var usual = Self.usual
        var times = 0
        for (candidate, count) in seen where candidate < size && (count, candidate) > (times, usual) {
            (usual, times) = (candidate, count)
        }
        return size <= usual ? range.upperBound : range.lowerBound &+ usual
    }

    /// Larger is likelier: what is as large as a known stack, before what fits as it is, before
    /// what must be cut to fit.
    func likelihood(of size: UInt64, isWhole: Bool) -> Int {
        guard isWhole else { return 0 }
        return seen[size] != nil || size == Self.usual ? 2 : 1
    }
}
