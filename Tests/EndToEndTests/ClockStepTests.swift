import Glibc
import TestSupport
import Testing
import Varlink

/// The clock of the machine is everybody's, so only the daemon's is set: what it asks the C library for.
@Suite(
    "The clock is set while it watches", .requiresTool("cc"), .requiresTool("sqlite3"),
    .timeLimit(.minutes(5)))
struct ClockStepTests {
    /// Adds as many seconds to the wall clock as the first eight bytes of a file say.
    private static let clock = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/syscall.h>
        #include <sys/time.h>
        #include <time.h>
        #include <unistd.h>

        static volatile long *offset(void) {
            static volatile long *known;
            const char *path = getenv("TEST_CLOCK_FILE");
            if (known || !path) return known;
            int file = open(path, O_RDONLY | O_CLOEXEC);
            if (file < 0) return 0;
            void *page = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0);
            close(file);
            return known = page == MAP_FAILED ? 0 : page;
        }

        int clock_gettime(clockid_t clock, struct timespec *t) {
            long result = syscall(SYS_clock_gettime, clock, t);
            if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) && offset())
                t->tv_sec += *offset();
            return result;
        }

        int gettimeofday(struct timeval *t, void *zone) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            t->tv_sec = now.tv_sec;
            t->tv_usec = now.tv_nsec / 1000;
            return 0;
        }

        time_t time(time_t *t) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (t) *t = now.tv_sec;
            return now.tv_sec;
        }
        """

    private final class Clock {
        private let page: UnsafeMutablePointer<Int>
        let file: String

        init(in directory: TemporaryDirectory) throws {
            file = try directory.write([UInt8](repeating: 0, count: 4096), to: "clock")
            let descriptor = open(file, O_RDWR)
            defer { close(descriptor) }
            let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
            page = try #require(memory != MAP_FAILED ? memory : nil).assumingMemoryBound(to: Int.self)
        }

        deinit { munmap(page, 4096) }

        var seconds: Int {
            get { page.pointee }
            set { page.pointee = newValue }
        }

        /// The daemon's wall clock, in microseconds.
        var now: Int64 {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            return Int64(now.tv_sec + seconds) * 1_000_000 + Int64(now.tv_nsec) / 1000
        }
    }

    @Test(
        "an hour forward and an hour back: no growth is lost, doubled or dated wrong",
        arguments: [
            ("sampling", [3600]), ("sampling", [-3600]), ("auto", [3600]), ("auto", [-3600]),
            ("auto", [3600, 0]),
        ])
    func step(source: String, steps: [Int]) throws {
        let directory = try TemporaryDirectory()
        let clock = try Clock(in: directory)
        let library = try CProgram(Self.clock, "-shared", "-fPIC")
        let daemon = try Daemon(
            Daemon.quiet + "[events]\nsource = \"\(source)\"\n",
            environment: ["LD_PRELOAD": library.path, "TEST_CLOCK_FILE": clock.file])
        let memgrow = try Memgrow("sbrk", "--size", "40KiB", "--count", "20", "--keep", "--step", "--hold")
        let pid = "\(memgrow.pid)"
        _ = try daemon.output("attach", pid, "--interval", "100ms")
        let follower = Follower(
            try Client.start(
                ["events", pid, "--follow", "--since", "-3h", "--format", "ndjson"], socket: daemon.socket))
        try follower.wait(for: "attached")
        var deltas: [Int64?] = []
        var last: Memgrow.Line?
        for seconds in [0] + steps {
            clock.seconds = seconds
            for _ in 0..<4 {
                let before = clock.now
                last = try memgrow.step()
                let event = try follower.wait(for: "brk-grow")
                let time = try #require(microseconds(event.time))
                // Of the hour in which it happened, not of the one before.
                #expect(
                    before - 1_000_000 <= time && time <= clock.now + 1_000_000,
                    "\(seconds): \(time - before)")
                #expect(event.delta == last?.delta && event.end == last?.string("end"))
                deltas.append(event.delta)
            }
        }
        let growths = 4 * (1 + steps.count)
        // In the order in which it happened, each once: in the events and in the samples.
        let events = try sqlite(
            daemon.database, "SELECT delta FROM events WHERE event = 'brk-grow' ORDER BY id")
        #expect(events.compactMap { Int64($0) } == deltas && deltas.count == growths)
        try daemon.stop()
        let heaps = try sqlite(
            daemon.database, "SELECT heap FROM samples WHERE resolution = 'raw' GROUP BY heap ORDER BY heap")
        // A sample may hold several growths, where these came too fast for a look each; but nothing else, and
        // the first and the last state are there.
        var states = [heaps.first.flatMap { Int64($0) } ?? 0]
        for delta in deltas { states.append((states.last ?? 0) + (delta ?? 0)) }
        let seen = heaps.compactMap { Int64($0) }
        #expect(Set(seen).isSubset(of: states) && seen.max() == states.last, "\(heaps)")
        if source == "sampling" { #expect(seen.count == growths + 1, "\(heaps)") }
        let dated = try sqlite(
            daemon.database,
            "SELECT count(*) FROM samples WHERE abs(time_us / 1000000 - strftime('%s', 'now')) > 7200")
        #expect(dated == ["0"])
    }
}
