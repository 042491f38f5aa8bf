import CSystemd
import Glibc
import MemoryModel
import Synchronization

/// The queue in front of the journal and the thread behind it: how "never blocking" holds.
///
/// `sd_journal_sendv` sends over a socket of libsystemd's own, which is blocking and which no API
/// gives out, without MSG_DONTWAIT. While journald is stopped, or its disk hangs, the twelfth entry
/// sleeps in sendmsg(2) without end. A socket of our own could refuse instead, but then the native
/// protocol with its memfd fallback would be ours to keep too. So one thread may hang, and nobody
/// waits for it:
///
/// - ``enqueue(_:)`` takes a lock that is never held across a system call that can sleep,
///   and refuses entry 1,025 instead of growing: the drop is counted.
/// - ``stop(deadline:)`` waits for the thread at most until the deadline. A thread that hangs is left
///   behind; the end of the process ends it, for sendmsg(2) on a socket can be killed.
/// - Formatting happens on this thread too, so a tick pays for a copy of the event and no more.
///
/// An entry that fails (ECONNREFUSED: journald is dead) is counted and not tried again: under
/// systemd the socket belongs to PID 1 and entries wait in it while journald restarts.
final class JournalSender: Sendable {
    enum Item: Sendable {
        case event(MemoryEvent, unit: String?)
        case postMortem(PostMortem)
        case note(JournalPriority, String, id: DaemonMessage?, fields: [(String, [UInt8])])
    }

    struct State: ~Copyable {
        var limits: JournalWriter.Limits
        var limiter = RateLimiter()
        var noteBucket = TokenBucket()
        var waiting: [Item] = []
        /// Entries the thread took and has not finished.
        var inHand = 0
        var isStopping = false
        /// The deadline passed: whatever the thread still holds is not to be sent any more.
        var isAbandoned = false
        var hasThread = false
        var statistics = JournalWriter.Statistics()
        /// Entries lost to a full queue or a failing journal, not told yet.
        var losses = DropTally()
        /// Whether the thread will look at the tallies by itself.
        var hasTimer = false
    }

    let state: Mutex<State>
    let wake = WakeEvent()
    let finished = WakeEvent()

    init(limits: JournalWriter.Limits) { state = Mutex(State(limits: limits)) }

    deinit {
        wake.close()
        finished.close()
    }

    /// Starts the thread, which keeps the sender alive until ``stop(deadline:)``. Where no thread can
    /// be had (EAGAIN), every entry is counted as failed.
    func start() {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 256 << 10)
        defer { pthread_attr_destroy(&attributes) }
        // Signals belong to the threads that wait for them; a new thread inherits the mask.
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let retained = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                let sender = Unmanaged<JournalSender>.fromOpaque(context).takeRetainedValue()
                memwatch_name_thread("journal")
                sender.run()
                return nil
            }, retained.toOpaque())
        if result == 0 {
            state.withLock { $0.hasThread = true }
        } else {
            retained.release()
            finished.set()
        }
    }

    /// Puts an entry into the queue or counts its drop. Never waits for the journal.
    /// - Parameter admit: the rate limit, asked under the lock with the monotonic time.
    func enqueue(_ item: Item, admittedBy admit: (inout State, UInt64) -> Bool) {
        let now = MonotonicClock.nanoseconds
        let needsWaking = state.withLock { state -> Bool in
            guard state.hasThread, !state.isStopping else {
                state.statistics.failed &+= 1
                return false
            }
            guard admit(&state, now) else {
                state.statistics.droppedByRate &+= 1
                defer { state.hasTimer = true }
                return !state.hasTimer
            }
            guard state.waiting.count + state.inHand < state.limits.queueCapacity else {
                state.statistics.droppedByFull &+= 1
                state.losses.add(now: now)
                return false
            }
            state.waiting.append(item)
            return state.waiting.count == 1
        }
        if needsWaking { wake.set() }
    }

    /// Sends what is waiting and the summaries, and ends the thread. Blocks at most until `deadline`.
    /// - Returns: false where the journal did not take everything in time.
    func stop(deadline: UInt64) -> Bool {
        state.withLock { $0.isStopping = true }
        wake.set()
        let isFinished = finished.wait(until: deadline)
        return state.withLock { state in
            if !isFinished, !state.isAbandoned {
                state.isAbandoned = true
                state.statistics.droppedByFull &+= UInt64(state.waiting.count + state.inHand)
                state.waiting = []
                state.inHand = 0
            }
            return isFinished
        }
    }
}
