import CLinux

/// What a daemon with few threads and bursts of work has to ask of malloc.
enum HeapUse {
    /// Two arenas: what a worker thread frees the others use again. With one for each thread, the room that a burst
    /// (a thousand attached processes) took in each of them stays taken.
    static func limitArenas() { clinux_limit_arenas(2) }

    /// Gives back what a burst has left free: some 0.1 ms for each MiB in use.
    ///
    /// And unmaps code and constants, most of which only start-up and rare calls need. That is no memory of this
    /// process's own: it is the page cache's, and the kernel takes it when it needs room, more easily where nobody has
    /// it mapped. But as long as it is mapped it counts as resident, and as private where nobody else runs the program.
    /// What is used again comes back by some fifty faults that read nothing.
    static func trim() {
        clinux_trim_heap()
        clinux_forget_image_pages()
    }
}
