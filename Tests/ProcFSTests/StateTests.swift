import Glibc
import MemoryModel
import ProcFS
import SystemPackage
import TestSupport
import Testing

@Suite struct StateTests {
    private func failure(_ body: () throws(ProcError) -> Void) -> ProcError? {
        do throws(ProcError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    @Test("A zombie has a state of its own, and statm of nothing")
    func zombie() throws {
        let parent = try Subject("zombie")
        let pid = try #require(Int32(parent.firstLine))
        let process = try ProcRoot().open(pid: pid)
        var look = MapsLook()
        #expect(
            failure { () throws(ProcError) in try process.look(into: &look) }
                == .noMemory(pid: pid, state: .zombie))
        #expect(try process.statm() == Statm())
        #expect(try process.stat().isZombie)
        let status = try process.status()
        #expect(status.vmSizeBytes == nil && status.threads == 1)
        #expect(try process.identity().pid == pid)
    }

    @Test("A thread is there until it is gone, and waits until it runs")
    func thread() throws {
        let subject = try Subject("wait")
        let process = try subject.open()
        // Its line is written before it waits.
        while !process.isThreadWaiting(subject.pid) { sched_yield() }
        #expect(process.hasThread(subject.pid) && !process.hasThread(subject.pid + 1_000_000_000))
        // Our own, which runs as it asks.
        let stat = try String(decoding: readBytes("/proc/thread-self/stat"), as: UTF8.self)
        let own = try #require(stat.split(separator: " ").first.flatMap { Int32($0) })
        #expect(try !ProcRoot().open(pid: getpid()).isThreadWaiting(own))
        subject.kill()
        #expect(!process.hasThread(subject.pid) && !process.isThreadWaiting(subject.pid))
    }

    @Test("A kernel thread has a state of its own")
    func kernelThread() throws {
        var found = 0
        for pid in try ProcRoot().processIDs() {
            guard let process = try? ProcRoot().open(pid: pid), (try? process.isKernelThread()) == true else {
                continue
            }
            var look = MapsLook()
            let error = failure { () throws(ProcError) in try process.look(into: &look) }
            // Some end at any time, and without root their maps may be denied.
            if error == .noMemory(pid: pid, state: .kernelThread) { found += 1 }
            #expect(error != nil)
        }
        withKnownIssue("no kernel threads are visible in a container", isIntermittent: true) {
            #expect(found > 0)
        } when: {
            (try? ProcRoot().open(pid: 2).isKernelThread()) != true
        }
    }

    @Test("A process that ends between opening and looking is gone, for every reader, for ever")
    func gone() throws {
        let subject = try Subject("wait")
        let process = try subject.open()
        var look = MapsLook()
        try process.look(into: &look)
        subject.kill()
        let gone = ProcError.gone(pid: subject.pid)
        #expect(failure { () throws(ProcError) in try process.look(into: &look) } == gone)
        #expect(failure { () throws(ProcError) in _ = try process.statm() } == gone)
        #expect(failure { () throws(ProcError) in _ = try process.stat() } == gone)
        #expect(failure { () throws(ProcError) in _ = try process.status() } == gone)
        #expect(failure { () throws(ProcError) in _ = try process.identity() } == gone)
        #expect(failure { () throws(ProcError) in _ = try process.describe() } == gone)
        #expect(failure { () throws(ProcError) in _ = try process.executable() } == gone)
        #expect(failure { () throws(ProcError) in _ = try process.threadIDs() } == gone)
        #expect(process.stackPointer(ofThread: subject.pid) == .gone)
        #expect(process.stackLimit() == nil && process.cgroupPath() == nil && process.mapsOwner() == nil)
        #expect(process.residentBytes(start: 0, end: 4096) == nil)
        process.closeStatm()
        #expect(failure { () throws(ProcError) in _ = try process.statm() } == gone)
    }

    @Test("Numbers that are no process's are gone, not errors", arguments: [0, -1, .max, .min])
    func impossible(pid: Int32) {
        #expect(failure { () throws(ProcError) in _ = try ProcRoot().open(pid: pid) } == .gone(pid: pid))
    }

    @Test("The id of a thread is no process")
    func threadID() throws {
        let subject = try Subject("threads", "3")
        let threads = try subject.open().threadIDs()
        #expect(threads.count == 4 && threads.first == subject.pid)
        let other = try #require(threads.last)
        let process = try ProcRoot().open(pid: other)
        #expect(failure { () throws(ProcError) in _ = try process.identity() } == .gone(pid: other))
    }

    @Test("Waiting threads show their stack pointer, in a stack of theirs")
    func stackPointers() throws {
        let subject = try Subject("threads", "3")
        let process = try subject.open()
        var look = MapsLook()
        try process.look(into: &look)
        var areas: Set<UInt64> = []
        for tid in try process.threadIDs() {
            var reading = process.stackPointer(ofThread: tid)
            // The event to wait for is the thread's going to sleep, which nothing announces.
            while reading == .running {
                sched_yield()
                reading = process.stackPointer(ofThread: tid)
            }
            guard case .at(let pointer) = reading else {
                #expect(reading == .denied)
                return
            }
            let area = try #require(look.areas.first { $0.start <= pointer && pointer < $0.end })
            #expect(area.permissions.contains([.read, .write]))
            areas.insert(area.start)
        }
        #expect(areas.count == 4)
        #expect(process.stackPointer(ofThread: 1) == .gone)
    }

    @Test("A look never mixes the program before an exec with the one after it")
    func exec() throws {
        let directory = try TemporaryDirectory()
        let (one, other) = (directory.path + "/one", directory.path + "/other")
        #expect(run("/usr/bin/env", "cp", try Subject.program.get(), one) == 0)
        #expect(run("/usr/bin/env", "cp", try Subject.program.get(), other) == 0)
        let subject = try Subject("exec", one, other, program: one, prints: false)
        let process = try subject.open()
        var look = MapsLook()
        var seen: Set<String> = []
        var discarded = 0
        // Until both were seen and some looks were cut short.
        for round in 0..<20_000 where round < 500 || seen.count < 2 || discarded == 0 {
            do throws(ProcError) {
                try process.look(into: &look)
            } catch {
                guard case .system(_, .resourceTemporarilyUnavailable) = error else { throw error }
                discarded += 1
                continue
            }
            LookTests.expectSound(look)
            if look.tries > 1 { discarded += 1 }
            let programs = Set(
                look.areas.map { String(decoding: look.paths.bytes(of: $0.path), as: UTF8.self) }
            ).intersection([one, other])
            if look.isConsistent {
                #expect(programs.count <= 1)
                #expect(LookTests.sum(look) == look.sizeBytes)
            }
            seen.formUnion(programs)
        }
        #expect(seen == [one, other])
        #expect(discarded > 0)
    }

    @Test("A process killed in the middle of a look is gone or whole, never a part that looks whole")
    func killedMeanwhile() throws {
        for round in 0..<12 {
            let subject = try Subject("many", "20000")
            let process = try subject.open()
            var look = MapsLook()
            try process.look(into: &look)
            let whole = look.areas.count
            let pid = subject.pid
            var killer = pthread_t()
            let delay = Delay(pid: pid, calls: round * 2_000)
            pthread_create(
                &killer, nil,
                { argument in
                    guard let argument else { return nil }
                    let delay = Unmanaged<Delay>.fromOpaque(argument).takeUnretainedValue()
                    // To hit another place of the look each time.
                    for _ in 0..<delay.calls { _ = getppid() }
                    kill(delay.pid, SIGKILL)
                    return nil
                }, Unmanaged.passUnretained(delay).toOpaque())
            var ended = false
            while !ended {
                do throws(ProcError) {
                    try process.look(into: &look)
                    LookTests.expectSound(look)
                    if look.isConsistent { #expect(look.areas.count == whole) }
                } catch {
                    switch error {
                    case .gone, .noMemory(_, .zombie): ended = true
                    default: throw error
                    }
                }
            }
            pthread_join(killer, nil)
        }
    }

    private final class Delay: Sendable {
        let pid: Int32
        let calls: Int
        init(pid: Int32, calls: Int) {
            self.pid = pid
            self.calls = calls
        }
    }
}
