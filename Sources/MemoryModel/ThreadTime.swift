import Glibc

/// Processor time of the calling thread, by which work is judged that a busy machine shall not make seem dear.
package enum ThreadTime {
    package static var nanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
