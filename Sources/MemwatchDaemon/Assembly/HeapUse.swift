import CLinux

/// What a daemon with few threads and bursts of work has to ask of malloc.
enum HeapUse {
    /// Two arenas: what a worker thread frees the others use again. With one for each thread, the room that a burst
    /// (a thousand attached processes) took in each of them stays taken.
    static func limitArenas() { clinux_limit_arenas(2) }

    /// Gives back what a burst has left free: some 0.1 ms for each MiB in use.
    static func trim() { clinux_trim_heap() }
}
