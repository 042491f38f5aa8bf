import CLinux
import Glibc
import MemoryModel
import Synchronization

/// The tracer's own thread. The task of its run loop prefers it (SE-0417), and so may block on it: sleep until the
/// next tick, ask ten thousand targets, wait for looks, write the history.
///
/// Everything that a tick does one after the other so happens on one thread. With threads for each kind of waiting,
/// every result was carried to the next by waking another one up, at 50 to 75 µs of processor time on a virtual
/// machine, and that was most of what a tick over few targets cost.
final class TickThread: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isStopping = false
    }

    private let state = Mutex(State())
    private let wakeUp = WaitPoint()

    /// - Returns: nil where the system has no thread left to give.
    static func start() -> TickThread? {
        let thread = TickThread()
        let argument = Unmanaged.passRetained(thread)
        var handle = pthread_t()
        let code = pthread_create(
            &handle, nil,
            { raw in
                if let raw { Unmanaged<TickThread>.fromOpaque(raw).takeRetainedValue().loop() }
                return nil
            }, argument.toOpaque())
        guard code == 0 else {
            argument.release()
            return nil
        }
        pthread_detach(handle)
        return thread
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
        wakeUp.signal()
    }

    /// Ends the thread once nothing is left to run on it; not while a task still prefers it.
    func stop() {
        state.withLock { $0.isStopping = true }
        wakeUp.signal()
    }

    private func loop() {
        clinux_name_thread("ticks")
        let executor = asUnownedTaskExecutor()
        while true {
            let (jobs, isStopping) = state.withLock { state in
                defer { state.jobs.removeAll(keepingCapacity: true) }
                return (state.jobs, state.isStopping)
            }
            for job in jobs { job.runSynchronously(on: executor) }
            if !jobs.isEmpty { continue }
            if isStopping { return }
            wakeUp.wait(until: nil)
        }
    }
}
