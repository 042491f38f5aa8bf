import Glibc
import MemoryModel

/// Where one thread waits for an instant or a signal, whichever comes first.
///
/// For the tracer's own thread. A timer of Swift's runtime is kept by another thread, which wakes a third to go on:
/// at ten ticks a second over one target, that was two thirds of what watching it cost.
final class WaitPoint: @unchecked Sendable {
    // Unchecked: what the lock protects is touched with it held, and these stay where they are until deinit.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isSignalled = false

    init() {
        pthread_mutex_init(lock, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // The clock of ticks; the usual one steps.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(lock)
        condition.deallocate()
        lock.deallocate()
    }

    /// Ends the wait that is going on, or else the next one before it begins. From any thread.
    func signal() {
        pthread_mutex_lock(lock)
        isSignalled = true
        pthread_mutex_unlock(lock)
        // After the lock: who is woken would only have to wait for it.
        pthread_cond_signal(condition)
    }

    /// Blocks until then, nil for ever, or until the signal, which is used up by that.
    ///
    /// - Returns: whether it was the signal.
    @discardableResult
    func wait(until instant: MonotonicTime?) -> Bool {
        pthread_mutex_lock(lock)
        defer {
            isSignalled = false
            pthread_mutex_unlock(lock)
        }
        let microseconds = max(0, instant?.microseconds ?? .max)
        var time = timespec(
            tv_sec: Int(microseconds / 1_000_000), tv_nsec: Int(microseconds % 1_000_000) * 1_000)
        while !isSignalled {
            if instant == nil {
                pthread_cond_wait(condition, lock)
            } else if pthread_cond_timedwait(condition, lock, &time) == ETIMEDOUT {
                break
            }
        }
        return isSignalled
    }
}
