import Glibc
import Inspection
import KernelEvents
import MemoryModel
import TestSupport
import Testing

@testable import Tracing

@Suite(
    "Watching with the kernel's records", .timeLimit(.minutes(2)),
    .requires(
        "kernel-records", KernelEventSource.probe().machine == nil, "perf_event_open is refused here"))
struct KernelTracingTests {
    private static let hour: Int64 = 3_600_000_000

    private func run<Result>(_ body: (inout Watch) async throws -> Result) async throws -> Result {
        try await Watch.run(kernel: .records(), body)
    }

    @Test("a growth is told at once whatever the interval, with the time and the thread of the call")
    func growth() async throws {
        let memgrow = try Memgrow("sbrk", "--size", "100KiB", "--keep", "--step", "--hold")
        try await run { watch in
            let target = try await watch.attach(memgrow.pid, every: Self.hour)
            #expect(target.eventMode == .perf)
            try await watch.next()
            for _ in 0..<4 {
                let before = Timestamp.now
                let line = try memgrow.step()
                let after = Timestamp.now
                let seen = watch.events(memgrow.pid).count
                try await watch.until { $0.events(memgrow.pid).count > seen }
                let event = try #require(watch.events(memgrow.pid).last)
                #expect(event.type == .brkGrow && event.source == .perf && event.tid == memgrow.pid)
                #expect(event.delta == line.delta && event.start == line.start && event.end == line.end)
                #expect(before <= event.time && event.time <= after)
            }
        }
    }

    @Test(
        "what the events add and take is what the samples show, kind by kind, however fast it goes",
        arguments: [
            ["sbrk", "--size", "100KiB", "--count", "8"],
            ["malloc", "--size", "300KiB", "--count", "8", "--free"], ["mmap", "--count", "8"],
            ["threads", "--count", "4"], ["stack", "--size", "256KiB"], ["zoo"],
        ])
    func sums(words: [String]) async throws {
        let memgrow = try Memgrow(words[0], words: Array(words.dropFirst()) + ["--step", "--hold"])
        var timing = TracerTiming.rare
        timing.sampleMicroseconds = 1
        try await Watch.run(timing: timing, kernel: .records()) { watch in
            let id = try await watch.attach(memgrow.pid).id
            try memgrow.process.send(String(repeating: "\n", count: 200))
            _ = try memgrow.linesUntilDone()
            let end = Timestamp.now
            try await watch.until { watch in
                guard let sample = watch.samples(memgrow.pid).last, sample.time > end else { return false }
                return sample.isConsistent && watch.events(memgrow.pid).allSatisfy { $0.time <= sample.time }
            }
            let first = try #require(watch.samples(memgrow.pid).first?.kinds)
            let last = try #require(watch.samples(memgrow.pid).last?.kinds)
            for kind in RegionKind.allCases {
                let change = Int64(last[kind]) - Int64(first[kind])
                #expect(watch.sum(memgrow.pid, kind) == change, "\(kind)")
            }
            let now = await watch.tracer.regions(of: id) ?? []
            #expect(try watch.map(memgrow.pid) == Set(now))
        }
    }

    @Test("memory that came and went between two looks has its birth, exactly dated, and its death")
    func shortLived() async throws {
        let memgrow = try Memgrow("mmap", "--count", "1", "--step", "--hold")
        try await run { watch in
            try await watch.attach(memgrow.pid)
            try memgrow.process.send(String(repeating: "\n", count: 12))
            let lines = try memgrow.linesUntilDone().filter { $0.event == "mmap" }
            try await watch.until { watch in
                let births = watch.events(memgrow.pid).filter { $0.type == .mmap && $0.source == .perf }
                return lines.allSatisfy { line in
                    births.contains { $0.start == line.start && $0.delta == line.delta }
                }
            }
            try await watch.until { watch in
                [.anon, .shared, .file, .reserved, .jit].allSatisfy { watch.sum(memgrow.pid, $0) == 0 }
            }
            let deaths = watch.events(memgrow.pid).filter { $0.type == .munmap }
            #expect(!deaths.isEmpty)
            for death in deaths where death.source == .sample {
                #expect(death.notBefore.map { $0 <= death.time } == true)
            }
        }
    }

    @Test("a process that does nothing is never looked at again")
    func quiet() async throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        let other = try Memgrow("sbrk", "--size", "100KiB", "--step", "--hold")
        try await run { watch in
            try await watch.attach(memgrow.pid)
            try await watch.attach(other.pid, every: Self.hour)
            let looks = watch.tracer.counts.looks
            for number in 1...3 {
                _ = try other.step()
                try await watch.until { $0.events(other.pid).count == number + 1 }
            }
            #expect(watch.events(memgrow.pid).map(\.type) == [.attached])
            #expect(watch.tracer.counts.looks <= looks + 3)
        }
    }

    @Test(
        "a process that maps tens of thousands of times a second is summed up, and says so",
        .requiresTool("python3"))
    func summarised() async throws {
        let script =
            "import mmap\nprint('ready', flush=True)\ninput()\nwhile True: mmap.mmap(-1, 4096).close()"
        let child = try ChildProcess("python3", ["-c", script])
        #expect(try child.nextLine() == "ready")
        // Else its records are switched off as not worth their cost, sooner than it is summed up where the machine is busy.
        var options = KernelEventSource.Options()
        options.mappingsPerSecond = 1_000_000_000
        try await Watch.run(kernel: .records(options)) { watch in
            let id = try await watch.attach(child.pid).id
            try child.send("\n")
            try await watch.until { watch in
                watch.events(child.pid).contains { $0.type == .mmap && ($0.count ?? 1) > 100 }
            }
            #expect(await watch.tracer.snapshots.first { $0.id == id }?.isSummarised == true)
            // Each of them came and went, so that the sum is at most the one that is there.
            let sum = watch.sum(child.pid, .shared)
            #expect(sum == 0 || sum == 4096)
            child.signal(9)
        }
    }

    @Test("an exec is one event, with what each kind gained or lost, at the time of the call")
    func exec() async throws {
        let child = try ChildProcess("sh", ["-c", "echo ready; read line; exec cat"])
        #expect(try child.nextLine() == "ready")
        try await run { watch in
            try await watch.attach(child.pid, every: Self.hour)
            try child.send("\necho\n")
            #expect(try child.nextLine() == "echo")
            try await watch.until { $0.events(child.pid).contains { $0.type == .exec && $0.kind == nil } }
            let execs = watch.events(child.pid).filter { $0.type == .exec }
            #expect(execs.count { $0.kind == nil } == 1)
            #expect(execs.allSatisfy { $0.source == .perf && $0.comm == Array("cat".utf8) })
            #expect(Set(execs.map(\.time)).count == 1)
        }
    }

    @Test("a child is handed on with everything since its first instant, even if it is gone by then")
    func children() async throws {
        let child = try ChildProcess("sh", ["-c", "echo ready; read line; /bin/true; read line"])
        #expect(try child.nextLine() == "ready")
        try await run { watch in
            let tracer = watch.tracer
            let parent = try await watch.attach(child.pid, every: Self.hour, children: true)
            try child.send("\n")
            var children = tracer.newChildren.makeAsyncIterator()
            let first = try #require(await children.next(isolation: #isolation))
            let born = await tracer.withParent(first)
            #expect(born.parentPID == child.pid && born.parent?.id == parent.id)
            // What it did is told whether or not it can still be opened.
            try await watch.until { $0.events(child.pid).contains { $0.child == born.pid } }
            let fork = try #require(watch.events(child.pid).first { $0.type == .fork })
            #expect(fork.child == born.pid && fork.tid == child.pid)
            var identity = parent.description.identity
            identity.pid = born.pid
            try waitUntilGone(born.pid)
            await tracer.tell(ended: born, as: ProcessDescription(identity: identity, comm: Array("sh".utf8)))
            try await watch.until { $0.events(born.pid).contains { $0.type == .exit } }
            let events = watch.events(born.pid)
            #expect(events.first?.type == .attached && events.first?.time == born.forked)
            #expect(events.contains { $0.type == .exec && $0.comm == Array("true".utf8) })
            #expect(events.contains { $0.type == .mmap && $0.kind == .anon })
            // From what it was given at the fork, the events lead to what it had at its end.
            let sum = events.compactMap(\.delta).reduce(0, +)
            let begin = try #require(events.first?.size)
            let end = try #require(events.last?.size)
            #expect(sum == Int64(end) - Int64(begin))
        }
    }

    @Test("the end is told at once, at the time of the exit, with what the process held")
    func exit() async throws {
        let memgrow = try Memgrow("sbrk", "--size", "1MiB", "--keep", "--step", "--hold")
        try await run { watch in
            try await watch.attach(memgrow.pid, every: Self.hour)
            let delta = try memgrow.step().delta
            try await watch.until { $0.sum(memgrow.pid, .heap) == delta }
            memgrow.process.signal(9)
            try await watch.until { $0.observations.last?.ended != nil }
            let last = try #require(watch.observations.last)
            #expect(last.events.last?.type == .exit)
            let found = try #require(last.postMortem)
            #expect(found.lastGrowth?.delta == delta && found.lastGrowth?.type == .brkGrow)
            #expect(found.kinds?.total == found.vmSizeBytes && found.largest.count == 5)
            #expect(found.largest.first?.kind == .text || found.largest.first?.kind == .heap)
        }
    }

    @Test("a target that the kernel does not report of says why")
    func refused() async throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        try await Watch.run(kernel: .none(reason: "it is a test")) { watch in
            let target = try await watch.attach(memgrow.pid)
            #expect(target.eventMode == .sampling(reason: "it is a test"))
            #expect(watch.tracer.kernelState.reason == "it is a test")
        }
    }
}

/// Waits until the kernel has let go of a process. Its parent waits for it at once, so that it goes soon.
private func waitUntilGone(_ pid: Int32) throws {
    let end = ContinuousClock.now + .seconds(60)
    while kill(pid, 0) == 0 {
        guard ContinuousClock.now < end else { throw TestFailure("process \(pid) does not end") }
        sched_yield()
    }
}
