import Glibc
import Inspection
import KernelEvents
import MemoryModel
import ProcFS
import TestSupport
import Testing

@testable import Tracing

@Suite("Targets to which nothing happens", .timeLimit(.minutes(2)))
struct IdleTargetTests {
    /// An observer as a target has it, and ticks that come when the test says so.
    private struct Observing {
        var observer: TargetObserver
        let counters = TracerCounters()
        var now = MonotonicTime.now

        init(_ pid: Int32) throws {
            let directory = try ProcRoot().open(pid: pid)
            observer = TargetObserver(
                target: TargetID(rawValue: 1), directory: directory, description: try directory.describe(),
                images: DirectImageSource(), feed: nil, forked: nil)
        }

        var looks: Int64 { counters.values.looks }

        /// So much time goes by, and the tick comes; nil where it finds nothing to look for.
        mutating func tick(after microseconds: Int64) -> Observation? {
            now = now.advanced(byMicroseconds: microseconds)
            guard observer.needsLook(at: now, isTold: false) else { return nil }
            return observer.observe(
                Tick(
                    time: .now, monotonic: now, fullLookEvery: 10_000_000, sampleEvery: 60_000_000,
                    counters: counters))
        }
    }

    /// A program that waits for its input, once it is seen to sleep.
    private func sleeper() throws -> Memgrow {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        try waitUntilAsleep(memgrow.pid)
        return memgrow
    }

    /// Who has answered may still be on its way back to sleep, and its clock not yet show that it has run.
    private func waitUntilAsleep(_ pid: Int32) throws {
        let directory = try ProcRoot().open(pid: pid)
        for _ in 0..<100_000 {
            if try directory.status().isAsleep { break }
            sched_yield()
        }
    }

    @Test("a process that has not run is not read again, until thirty full looks have been put off")
    func putOff() throws {
        let memgrow = try sleeper()
        var observing = try Observing(memgrow.pid)
        _ = observing.tick(after: 0)
        _ = observing.tick(after: 10_000_000)
        #expect(observing.looks == 2)
        for _ in 0..<Idleness.mostPutOff { _ = observing.tick(after: 10_000_000) }
        #expect(observing.looks == 2)
        _ = observing.tick(after: 10_000_000)
        #expect(observing.looks == 3)
        _ = observing.tick(after: 10_000_000)
        #expect(observing.looks == 3)
    }

    @Test("its sample of the minute is stored all the same, as it was")
    func minute() throws {
        let memgrow = try sleeper()
        var observing = try Observing(memgrow.pid)
        let seen = observing.tick(after: 0)
        let first = try #require(seen?.sample)
        var stored: [Sample] = []
        for _ in 0..<20 {
            if let sample = observing.tick(after: 10_000_000)?.sample { stored.append(sample) }
        }
        #expect(stored.count >= 3)
        #expect(observing.looks == 2)
        for var sample in stored {
            sample.time = first.time
            #expect(sample.kinds == first.kinds && sample.vmSizeBytes == first.vmSizeBytes)
            #expect(sample.threads == 1 && sample.isConsistent)
        }
    }

    @Test("one that has run is read, even if its size is what it was")
    func ran() throws {
        let child = try ChildProcess("sh", ["-c", "echo ready; while read line; do echo $line; done"])
        #expect(try child.nextLine() == "ready")
        var observing = try Observing(child.pid)
        _ = observing.tick(after: 0)
        for number in 1...3 {
            try child.send("\(number)\n")
            #expect(try child.nextLine() == "\(number)")
            try waitUntilAsleep(child.pid)
            let before = observing.looks
            _ = observing.tick(after: 10_000_000)
            #expect(observing.looks == before + 1)
        }
    }

    @Test("one whose full look was put off is read as soon as it has run, even if its size is what it was")
    func ranAfterPutOff() throws {
        let child = try ChildProcess("sh", ["-c", "echo ready; while read line; do echo $line; done"])
        #expect(try child.nextLine() == "ready")
        try waitUntilAsleep(child.pid)
        var observing = try Observing(child.pid)
        for _ in 0..<3 { _ = observing.tick(after: 10_000_000) }
        #expect(observing.looks == 2)
        for _ in 0..<5 { _ = observing.tick(after: 1_000_000) }
        #expect(observing.looks == 2)
        try child.send("go\n")
        #expect(try child.nextLine() == "go")
        try waitUntilAsleep(child.pid)
        _ = observing.tick(after: 1_000_000)
        #expect(observing.looks == 3)
        for _ in 0..<3 { _ = observing.tick(after: 1_000_000) }
        #expect(observing.looks == 3)
    }

    /// Two processes of one memory: the first sleeps for ever, the second maps a page at each line it reads.
    private static let sharers = """
        #define _GNU_SOURCE
        #include <sched.h>
        #include <stdio.h>
        #include <signal.h>
        #include <sys/mman.h>
        #include <sys/prctl.h>
        #include <unistd.h>

        static char stack[65536];

        static int second(void *nothing) {
            char byte;
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            while (read(0, &byte, 1) == 1) {
                if (byte != '\\n') continue;
                if (mmap(0, 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) return 1;
                write(1, "mapped\\n", 7);
            }
            return 0;
        }

        int main(void) {
            if (clone(second, stack + sizeof stack, CLONE_VM, 0) < 0) return 1;
            write(1, "ready\\n", 6);
            for (;;) pause();
        }
        """

    @Test(
        "what another process does to its memory is seen when the next full look is due", .requiresTool("cc"))
    func changedByOthers() throws {
        let program = try CProgram(Self.sharers)
        let child = try program.start()
        try waitUntilAsleep(child.pid)
        var observing = try Observing(child.pid)
        for _ in 0..<3 { _ = observing.tick(after: 10_000_000) }
        let known = try #require(observing.observer.latest?.vmSizeBytes)
        for _ in 0..<3 { _ = observing.tick(after: 1_000_000) }
        #expect(observing.looks == 2)
        try child.send("\n")
        #expect(try child.nextLine() == "mapped")
        var events: [MemoryEvent] = []
        for _ in 0..<10 { events += observing.tick(after: 1_000_000)?.events ?? [] }
        #expect(events.map(\.type) == [.mmap])
        #expect(observing.observer.latest?.vmSizeBytes == known + 4096)
    }

    @Test("one of several threads is read: the time of its first thread says nothing of the others")
    func threads() throws {
        let memgrow = try Memgrow("threads", "--step", "--hold")
        _ = try memgrow.step()
        var observing = try Observing(memgrow.pid)
        for _ in 0..<5 { _ = observing.tick(after: 10_000_000) }
        #expect(observing.looks == 5)
    }

    @Test("a map at rest tells what changes then, to the byte, and the history gets the very regions")
    func rest() throws {
        let memgrow = try sleeper()
        var observing = try Observing(memgrow.pid)
        let first = observing.tick(after: 0)
        var map = Set(try #require(first).born)
        _ = observing.tick(after: 10_000_000)
        #expect(observing.observer.isAtRest)
        #expect(observing.observer.inspector.regions.isEmpty && observing.observer.ledger.map.isEmpty)
        for _ in 0..<3 {
            let line = try memgrow.step()
            try waitUntilAsleep(memgrow.pid)
            let observed = observing.tick(after: 1_000_000)
            let seen = try #require(observed)
            #expect(!observing.observer.isAtRest)
            #expect(seen.events.map(\.type) == [.brkGrow])
            #expect(seen.events.first?.delta == line.delta)
            for region in seen.died { #expect(map.remove(region) != nil) }
            for region in seen.born { #expect(map.insert(region).inserted) }
            let observer = observing.observer
            let (regions, paths) = (observer.inspector.regions, observer.inspector.paths)
            #expect(map == Set(regions.map { ObservedRegion($0, paths) }))
            #expect(observer.ledger.regions == observer.inspector.regions)
            _ = observing.tick(after: 20_000_000)
            _ = observing.tick(after: 20_000_000)
            #expect(observing.observer.isAtRest)
        }
    }

    @Test("a map at rest is shown to those who ask, and told of when its process ends")
    func askedAndEnded() async throws {
        let memgrow = try sleeper()
        let target = Target(
            id: TargetID(rawValue: 1), directory: try ProcRoot().open(pid: memgrow.pid),
            description: try ProcRoot().open(pid: memgrow.pid).describe(),
            options: TargetOptions(intervalMicroseconds: 1_000_000), attached: .now,
            images: DirectImageSource(), feed: nil, eventMode: .sampling(reason: "test"), forked: nil)
        var now = MonotonicTime.now
        func look() -> Observation? {
            now = now.advanced(byMicroseconds: 20_000_000)
            guard target.beginLook() else { return nil }
            defer { target.endLook() }
            return target.observe(
                Tick(
                    time: .now, monotonic: now, fullLookEvery: 10_000_000, sampleEvery: 60_000_000,
                    counters: TracerCounters()))
        }
        let first = try #require(look())
        _ = look()
        #expect(target.regions == first.born)
        #expect(target.departed.ledger.regions.count == first.born.count)
        let size = try #require(first.sample?.vmSizeBytes)
        kill(memgrow.pid, SIGKILL)
        var end: Observation?
        // A sample of the minute may come before the process is gone.
        while end?.ended == nil { end = look() }
        #expect(end?.ended != nil)
        #expect(end?.postMortem?.vmSizeBytes == size)
        #expect(end?.postMortem?.kinds == first.sample?.kinds)
        #expect(end?.postMortem?.largest.isEmpty == false)
    }

    @Test("full looks at targets that were attached at once are spread over the whole period")
    func spread() throws {
        let period: Int64 = 10_000_000
        var ticks: [Int64: Int] = [:]
        var observer = try Observing(getpid()).observer
        for number in 1...1_000 {
            observer = TargetObserver(
                target: TargetID(rawValue: UInt64(number)), directory: observer.directory,
                description: observer.description, images: DirectImageSource(), feed: nil, forked: nil)
            let due = observer.spread(period)
            #expect((period / 2...period).contains(due))
            ticks[due / 1_000_000, default: 0] += 1
        }
        // Of a thousand, 200 in each of five seconds.
        #expect(ticks.values.allSatisfy { $0 < 260 })
    }
}
