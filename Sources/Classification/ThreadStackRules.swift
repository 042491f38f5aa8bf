import MemoryModel

/// thread-stack, and the guard below each.
///
/// A thread's stack is mmap'd memory like any other. Three things tell it, strongest first:
/// 1. a thread's stack pointer in it, or a name that libc gave it;
/// 2. that it was proved at an earlier look: glibc keeps the stacks of threads that have
///    exited for the next ones, and a thread that happens to run shows no stack pointer;
/// 3. its shape: writable, directly above an inaccessible guard that is smaller. That alone is a guess,
///    so at most as many are taken as there are threads whose stack is not known.
struct ThreadStackRules {
    /// Guards are a page by default; the zones a JVM sets up behind them come to some 64 KiB.
    static let largestGuard: UInt64 = 1 << 20
    /// Where a stack's own size cannot be known, what is larger is no stack.
    static let largestStack: UInt64 = 64 << 20

    private(set) var claims = Claims()

    init(_ look: Look, bss: Claims, arenas: Claims, mainStack: Range<Int>, previous: [Region]) {
        let threads = look.evidence.threads.filter { !$0.isMain }
        let hasOthers = !threads.isEmpty || (look.evidence.threadCount ?? 1) > 1
        let known = previous.filter { if case .threadStack = $0.kind { true } else { false } }
        guard hasOthers || !known.isEmpty else { return }

        var search = StackSearch(look, bss: bss, arenas: arenas, mainStack: mainStack)
        search.takeNamed()
        let proved = search.takeProved(threads, known)
        let kept = search.takeKept(known, threads)
        if hasOthers {
            let others = max(threads.count, (look.evidence.threadCount ?? 0) &- 1)
            search.takeShaped(atMost: others &- proved &- kept)
        }
        claims = search.claims()
    }
}
