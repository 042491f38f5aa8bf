import Inspection
import MemoryModel
import ProcFS
import TestSupport
import Testing

@testable import Tracing

@Suite("Watching real processes", .timeLimit(.minutes(2)))
struct TracerTests {
    // MARK: Attaching

    @Test("attaching gives one observation: who, the event, the sample, and every region as born")
    func attach() async throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        try await Watch.run { watch in
            let snapshot = try await watch.attach(memgrow.pid)
            try await watch.next()
            let first = try #require(watch.observations.first)
            #expect(watch.observations.count == 1)
            #expect(first.target == snapshot.id && first.identity == snapshot.description.identity)
            #expect(first.events.map(\.type) == [.attached])
            #expect(first.events[0].size == first.sample?.vmSizeBytes)
            #expect(first.events[0].comm == Array("memgrow".utf8))
            #expect(first.died.isEmpty && first.isFullLook && first.ended == nil)
            #expect(first.born.count == Int(first.sample?.regionCount ?? 0))
            #expect(KindTotals(of: first.born.map(\.region)).total == first.sample?.vmSizeBytes)
            #expect(first.born.contains { String(decoding: $0.path, as: UTF8.self).hasSuffix("/memgrow") })
            #expect(snapshot.state == .running && snapshot.lastSample == first.sample)
            #expect(await watch.tracer.regions(of: snapshot.id) == first.born)
            #expect(await watch.tracer.snapshot(pid: memgrow.pid)?.id == snapshot.id)
        }
    }

    @Test("attaching twice is one target, with the newer options")
    func twice() async throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        try await Watch.run { watch in
            let first = try await watch.attach(memgrow.pid)
            let second = await watch.tracer.attach(
                try await watch.tracer.open(pid: memgrow.pid),
                options: TargetOptions(intervalMicroseconds: 200_000, rule: "comm memgrow"))
            #expect(first.id == second.id)
            #expect(second.intervalMicroseconds == 200_000 && second.rule == "comm memgrow")
            #expect(await watch.tracer.count == 1)
            // It goes on being watched, and once only.
            let line = try memgrow.step()
            try await watch.until { $0.sum(memgrow.pid, .heap) == line.delta }
            #expect(watch.events(memgrow.pid).map(\.type) == [.attached, .brkGrow])
        }
    }

    @Test("attaching many times at once is one target all the same")
    func atOnce() async throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        try await Watch.run { watch in
            let tracer = watch.tracer
            let candidate = try await tracer.open(pid: memgrow.pid)
            let ids = await withTaskGroup(of: TargetID.self) { group in
                for number: Int64 in 1...20 {
                    group.addTask {
                        await tracer.attach(
                            candidate, options: TargetOptions(intervalMicroseconds: number * 100_000)
                        ).id
                    }
                }
                return await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            #expect(await tracer.count == 1)
            let id = try #require(ids.first)
            #expect(await tracer.detach(id))
            #expect(await !tracer.detach(id))
            #expect(await tracer.count == 0)
            try await watch.until { $0.events(memgrow.pid).last?.type == .detached }
            #expect(watch.events(memgrow.pid).map(\.type) == [.attached, .detached])
        }
    }

    @Test("what cannot be watched says why")
    func refused() async throws {
        try await Watch.run { watch in
            let tracer = watch.tracer
            await #expect(throws: ProcError.gone(pid: .max)) { try await tracer.open(pid: .max) }
            let child = try ChildProcess("true")
            try waitUntilZombie(child.pid)
            await #expect(throws: ProcError.noMemory(pid: child.pid, state: .zombie)) {
                try await tracer.open(pid: child.pid)
            }
            try child.waitForExit()
            await #expect(throws: ProcError.gone(pid: child.pid)) { try await tracer.open(pid: child.pid) }
        }
    }

    @Test(
        "a kernel thread cannot be watched",
        .requires(
            "kernel-threads", (try? ProcRoot().open(pid: 2).isKernelThread()) == true,
            "process 2 is no kernel thread in this pid namespace"))
    func kernelThread() async throws {
        try await Watch.run { watch in
            let tracer = watch.tracer
            await #expect(throws: ProcError.noMemory(pid: 2, state: .kernelThread)) {
                try await tracer.open(pid: 2)
            }
        }
    }

    // MARK: Growing

    /// Lets memgrow do all its steps, and waits after each until the events tell of the same bytes.
    private func follow(_ memgrow: Memgrow, steps: Int, _ watch: inout Watch) async throws {
        for _ in 0..<steps {
            let seen = watch.events(memgrow.pid).count
            let line = try memgrow.step()
            let kind = try #require(line.kind.flatMap { RegionKind(name: $0) })
            guard let delta = line.delta, delta != 0 else { continue }
            try await watch.until { $0.sum(memgrow.pid, kind, from: seen) == delta }
            if line.event == "brk-grow" || line.event == "brk-shrink" {
                let event = try #require(watch.events(memgrow.pid).last { $0.kind == .heap })
                #expect(event.type.name == line.event)
                #expect(event.start == line.start && event.end == line.end, "\(line)")
            }
        }
    }

    /// The sums over all events are the difference between the first sample and the last, and births
    /// and deaths lead from nothing to the map as it is now.
    private func expectSums(_ watch: Watch, _ pid: Int32) async throws {
        let first = try #require(watch.samples(pid).first?.kinds)
        let last = try #require(watch.samples(pid).last?.kinds)
        for kind in RegionKind.allCases {
            #expect(watch.sum(pid, kind) == Int64(last[kind]) - Int64(first[kind]), "\(kind)")
        }
        let id = try #require(await watch.tracer.snapshot(pid: pid)?.id)
        #expect(try watch.map(pid) == Set(await watch.tracer.regions(of: id) ?? []))
    }

    @Test(
        "what memgrow says it took and gave back is what the events say, to the byte",
        arguments: [
            ("sbrk", "100KiB", 8), ("malloc", "64KiB", 4), ("malloc", "4MiB", 4),
        ])
    func growth(command: String, size: String, steps: Int) async throws {
        let memgrow = try Memgrow(command, "--count", "4", "--size", size, "--step", "--hold")
        try await Watch.run { watch in
            try await watch.attach(memgrow.pid)
            try await follow(memgrow, steps: steps, &watch)
            try await expectSums(watch, memgrow.pid)
        }
    }

    @Test("the stack grows by events down to where the program says it stands")
    func stack() async throws {
        let memgrow = try Memgrow("stack", "--count", "4", "--size", "256KiB", "--step", "--hold")
        try await Watch.run { watch in
            try await watch.attach(memgrow.pid)
            try await watch.next()
            let before = try #require(watch.map(memgrow.pid).first { $0.region.kind == .stack }).region
            for _ in 0..<4 {
                let bottom = try #require(try memgrow.step().start)
                try await watch.until { ($0.events(memgrow.pid).last?.start ?? .max) <= bottom }
            }
            let growth = watch.events(memgrow.pid).dropFirst()
            #expect(growth.allSatisfy { $0.type == .stackGrow && $0.kind == .stack })
            #expect(
                growth.first?.end == before.start
                    && growth.last?.size == before.end - (growth.last?.start ?? 0))
            #expect(watch.sum(memgrow.pid, .stack) == Int64(before.start - (growth.last?.start ?? 0)))
            try await expectSums(watch, memgrow.pid)
        }
    }

    @Test("what malloc gives back is told as well")
    func free() async throws {
        let memgrow = try Memgrow("malloc", "--count", "3", "--size", "4MiB", "--free", "--step", "--hold")
        try await Watch.run { watch in
            try await watch.attach(memgrow.pid)
            try await follow(memgrow, steps: 6, &watch)
            try await expectSums(watch, memgrow.pid)
            #expect(watch.sum(memgrow.pid, .anon) == 0)
        }
    }

    @Test("mmap's own steps are told by their own events")
    func mappings() async throws {
        let memgrow = try Memgrow("mmap", "--count", "1", "--step", "--hold")
        try await Watch.run { watch in
            try await watch.attach(memgrow.pid)
            var seen = 0
            for _ in 0..<12 {
                let line = try memgrow.step()
                let kind = try #require(line.kind.flatMap { RegionKind(name: $0) })
                // A protect changes no size, so that only a full look would show it: see below.
                guard let delta = line.delta, delta != 0 else { continue }
                seen = watch.events(memgrow.pid).count
                try await watch.until { $0.sum(memgrow.pid, kind, from: seen) == delta }
                let events = watch.events(memgrow.pid).dropFirst(seen).filter { $0.kind == kind }
                if line.event == "mmap" { #expect(events.map(\.type) == [.mmap], "\(line)") }
                if line.event == "munmap" { #expect(events.allSatisfy { $0.type == .munmap }, "\(line)") }
            }
        }
    }

    @Test("threads appear with their stacks, guards and arenas, each stack with its thread")
    func threads() async throws {
        let memgrow = try Memgrow("threads", "--count", "3", "--step", "--hold")
        try await Watch.run { watch in
            try await watch.attach(memgrow.pid)
            var wanted: [RegionKind: Int64] = [:]
            var stacks: Set<Int32> = []
            for _ in 0..<3 {
                // Four lines a thread: its stack, the guard, the arena, and the arena's reserve.
                var line = try memgrow.step()
                for index in 0..<4 {
                    if index > 0 { line = try memgrow.nextLine() }
                    let kind = try #require(line.kind.flatMap { RegionKind(name: $0) })
                    wanted[kind, default: 0] += Int64((line.end ?? 0) - (line.start ?? 0))
                    if let tid = line.tid { stacks.insert(tid) }
                }
                let sums = wanted
                try await watch.until { watch in
                    [.threadStack, .guardPages, .arena].allSatisfy {
                        watch.sum(memgrow.pid, $0) == sums[$0]
                    }
                }
            }
            try await expectSums(watch, memgrow.pid)
            let owners = try watch.map(memgrow.pid).map(\.region.tid).filter { $0 != 0 }
            #expect(Set(owners) == stacks)
        }
    }

    // MARK: Looking no more than needed

    @Test("a process that does nothing is looked at once, but its sample still comes when it is due")
    func idle() async throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        var timing = TracerTiming.rare
        timing.sampleMicroseconds = 1
        try await Watch.run(timing: timing) { watch in
            try await watch.attach(memgrow.pid)
            try await watch.until { $0.samples(memgrow.pid).count >= 6 }
            #expect(watch.tracer.counts.looks == 1)
            #expect(watch.events(memgrow.pid).count == 1)
            let sizes = Set(watch.samples(memgrow.pid).map(\.vmSizeBytes))
            #expect(sizes.count == 1)
            _ = try memgrow.step()
            try await watch.until { $0.sum(memgrow.pid, .heap) != 0 }
            #expect(watch.tracer.counts.looks == 2)
        }
    }

    @Test("what changes no size is seen when the full look is due")
    func fullLook() async throws {
        let memgrow = try Memgrow("mmap", "--count", "1", "--step", "--hold")
        var timing = TracerTiming.rare
        timing.fullLookMicroseconds = 1
        try await Watch.run(timing: timing) { watch in
            try await watch.attach(memgrow.pid)
            for _ in 0..<6 {
                let line = try memgrow.step()
                try await watch.until { watch in
                    watch.events(memgrow.pid).contains {
                        $0.type.name == line.event && $0.kind?.name == line.kind
                    }
                }
                #expect(["mmap", "protect"].contains(line.event))
            }
        }
    }

    @Test("ticks stay on a grid of 100 ms: none too many, and those left out are counted")
    func grid() async throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        var timing = TracerTiming.rare
        timing.sampleMicroseconds = 1
        try await Watch.run(timing: timing) { watch in
            let before = MonotonicTime.now
            try await watch.attach(memgrow.pid)
            let after = MonotonicTime.now
            try await watch.until { $0.samples(memgrow.pid).count >= 12 }
            let sofar = MonotonicTime.now
            let counts = watch.tracer.counts
            let end = MonotonicTime.now
            let total = counts.ticks + counts.lateTicks
            #expect(total <= (end.microseconds - before.microseconds) / 100_000)
            // One may be under way.
            #expect(counts.ticks >= 11)
            #expect(total >= 11 && sofar.microseconds - after.microseconds >= 10 * 100_000)
        }
    }

    // MARK: Ending

    @Test("the end of a process is an exit event, and its last observation says how it ended")
    func exit() async throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        try await Watch.run { watch in
            try await watch.attach(memgrow.pid)
            memgrow.process.signal(9)
            try await watch.until { $0.observations.last?.ended != nil }
            let last = try #require(watch.observations.last)
            #expect(last.events.map(\.type) == [.exit])
            // Nobody has waited for it, unless its memory went faster than its entry.
            #expect(last.ended == .zombie || last.ended == .exited)
            #expect(last.events[0].size == watch.samples(memgrow.pid).last?.vmSizeBytes)
            #expect(await watch.tracer.count == 0)
            #expect(watch.events(memgrow.pid).count { $0.type == .exit } == 1)
        }
    }

    @Test("a process that was waited for has exited")
    func reaped() async throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        try await Watch.run { watch in
            let candidate = try await watch.tracer.open(pid: memgrow.pid)
            memgrow.process.signal(9)
            try memgrow.process.waitForExit()
            let snapshot = await watch.tracer.attach(
                candidate, options: TargetOptions(intervalMicroseconds: 100_000))
            #expect(snapshot.state == .exited)
            try await watch.next()
            #expect(watch.observations.last?.ended == .exited)
            #expect(await watch.tracer.count == 0)
        }
    }

    @Test("detaching says so, and nothing comes afterwards")
    func detach() async throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        let other = try Memgrow("sbrk", "--step", "--hold")
        try await Watch.run { watch in
            let id = try await watch.attach(memgrow.pid).id
            try await watch.attach(other.pid)
            #expect(await watch.tracer.detach(id))
            try await watch.until { $0.events(memgrow.pid).last?.type == .detached }
            #expect(watch.events(memgrow.pid).last?.size == watch.samples(memgrow.pid).last?.vmSizeBytes)
            _ = try memgrow.step()
            for _ in 0..<3 {
                let delta = try other.step().delta
                let seen = watch.events(other.pid).count
                try await watch.until { $0.sum(other.pid, .heap, from: seen) == delta }
            }
            #expect(watch.events(memgrow.pid).last?.type == .detached)
            #expect(await watch.tracer.regions(of: id) == nil)
        }
    }

    @Test("a program that replaces itself gives exec events, which add up kind by kind")
    func exec() async throws {
        let child = try ChildProcess("sh", ["-c", "echo ready; read line; exec cat"])
        #expect(try child.nextLine() == "ready")
        try await Watch.run { watch in
            try await watch.attach(child.pid)
            try child.send("\necho\n")
            #expect(try child.nextLine() == "echo")
            try await watch.until { $0.observations.contains { $0.description?.comm == Array("cat".utf8) } }
            let execs = watch.events(child.pid).filter { $0.type == .exec }
            #expect(execs.first?.kind == nil && execs.first?.size != nil)
            let path = try #require(execs.first?.path)
            #expect(String(decoding: path, as: UTF8.self).hasSuffix("/cat"))
            #expect(execs.dropFirst().allSatisfy { $0.kind != nil && $0.delta != 0 })
            #expect(execs.allSatisfy { $0.comm == Array("cat".utf8) })
            try await expectSums(watch, child.pid)
        }
    }
}
