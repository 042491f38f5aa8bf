import Classification
import Dispatch
import Inspection
import MemoryModel
import ProcFS
import Synchronization
import TestSupport
import Testing

@testable import Tracing

/// Reads headers as usual, but for one process: there it hangs until it is released, as a read from
/// a file server that is away would.
private final class HangingImages: ImageSource {
    private let hanging = Mutex<Int32?>(nil)
    private let released = DispatchSemaphore(value: 0)
    let reached = AsyncStream.makeStream(of: Void.self)
    private let images = DirectImageSource()

    func hang(_ pid: Int32) { hanging.withLock { $0 = pid } }

    func release() {
        hanging.withLock { $0 = nil }
        released.signal()
    }

    func layout(of area: VMA, path: [UInt8], in directory: ProcessDirectory) -> ImageLayout? {
        if hanging.withLock({ $0 == directory.pid }) {
            reached.continuation.yield()
            released.wait()
        }
        return images.layout(of: area, path: path, in: directory)
    }
}

@Suite("Targets and files that do not answer", .timeLimit(.minutes(2)))
struct SlowTargetTests {
    @Test("a look that hangs delays no other target; it is told when it is through")
    func hangingLook() async throws {
        let slow = try ChildProcess("sh", ["-c", "echo ready; read line; exec cat"])
        #expect(try slow.nextLine() == "ready")
        let quick = try Memgrow("sbrk", "--step", "--hold", "--count", "8")
        let images = HangingImages()
        defer { images.release() }
        try await Watch.run(images: images) { watch in
            try await watch.attach(slow.pid)
            try await watch.attach(quick.pid)
            images.hang(slow.pid)
            try slow.send("\necho\n")
            #expect(try slow.nextLine() == "echo")
            var reached = images.reached.stream.makeAsyncIterator()
            _ = await reached.next()
            // The slow one's look is under way and stays so.
            for _ in 0..<4 {
                let seen = watch.events(quick.pid).count
                let delta = try quick.step().delta
                try await watch.until { $0.sum(quick.pid, .heap, from: seen) == delta }
            }
            #expect(!watch.events(slow.pid).contains { $0.type == .exec })
            #expect(watch.tracer.counts.lateTicks > 0)
            // Who asks gets what was known before.
            #expect(await watch.tracer.snapshot(pid: slow.pid)?.state == .running)
            images.release()
            try await watch.until { $0.events(slow.pid).contains { $0.type == .exec } }
        }
    }

    @Test("a first look that hangs does not keep others from being attached")
    func hangingAttach() async throws {
        let slow = try Memgrow("sbrk", "--step", "--hold")
        let quick = try Memgrow("sbrk", "--step", "--hold")
        let images = HangingImages()
        defer { images.release() }
        images.hang(slow.pid)
        try await Watch.run(images: images) { watch in
            let tracer = watch.tracer
            let candidate = try await tracer.open(pid: slow.pid)
            let attaching = Task {
                await tracer.attach(candidate, options: TargetOptions(intervalMicroseconds: 100_000))
            }
            var reached = images.reached.stream.makeAsyncIterator()
            _ = await reached.next()
            try await watch.attach(quick.pid)
            let delta = try quick.step().delta
            try await watch.until { $0.sum(quick.pid, .heap) == delta }
            #expect(watch.events(slow.pid).isEmpty)
            images.release()
            _ = await attaching.value
            try await watch.until { $0.events(slow.pid).first?.type == .attached }
        }
    }

    @Test("a target that is detached during its first look is not watched afterwards")
    func detachedMeanwhile() async throws {
        let slow = try Memgrow("sbrk", "--step", "--hold")
        let images = HangingImages()
        defer { images.release() }
        images.hang(slow.pid)
        try await Watch.run(images: images) { watch in
            let tracer = watch.tracer
            let candidate = try await tracer.open(pid: slow.pid)
            let attaching = Task {
                await tracer.attach(candidate, options: TargetOptions(intervalMicroseconds: 100_000))
            }
            var reached = images.reached.stream.makeAsyncIterator()
            _ = await reached.next()
            let id = try #require(await tracer.snapshots.first?.id)
            #expect(await tracer.detach(id))
            images.release()
            _ = await attaching.value
            // Whatever came of it has been delivered before the next attach is.
            let other = try Memgrow("sbrk", "--step", "--hold")
            try await watch.attach(other.pid)
            try await watch.until { !$0.events(other.pid).isEmpty }
            #expect(watch.events(slow.pid).map(\.type) == [.detached])
            #expect(await tracer.count == 1)
        }
    }

    @Test("a header that takes too long is left out at first, and there at the next look")
    func deferredHeader() throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        let directory = try ProcRoot().open(pid: memgrow.pid)
        var look = MapsLook()
        try directory.look(into: &look)
        let area = try #require(look.areas.first { $0.permissions.contains(.execute) && $0.inode != 0 })
        let path = Array(look.paths.bytes(of: area.path))
        let reader = DispatchQueue(label: "test.images")
        let images = DeferredImageSource(patience: .milliseconds(1), reader: reader)

        reader.suspend()
        #expect(images.layout(of: area, path: path, in: directory) == nil)
        // Not asked again while the first question waits.
        #expect(images.layout(of: area, path: path, in: directory) == nil)
        reader.resume()
        reader.sync {}
        // By now it is known; even so an answer goes through the reader, whose turn may come late.
        var layout: ImageLayout?
        while layout == nil {
            layout = images.layout(of: area, path: path, in: directory)
            reader.sync {}
        }
        guard case .elf = layout else {
            Issue.record("\(String(describing: layout)) is no program")
            return
        }
    }

    @Test("while headers are missing a look still adds up, and the next one asks again")
    func withoutHeaders() throws {
        let memgrow = try Memgrow("sbrk", "--step", "--hold")
        let reader = DispatchQueue(label: "test.images")
        let images = DeferredImageSource(patience: .milliseconds(1), reader: reader)
        var inspector = TargetInspector(directory: try ProcRoot().open(pid: memgrow.pid), images: images)
        reader.suspend()
        let first = try inspector.look(at: .now)
        #expect(inspector.totals.total == first.sample.vmSizeBytes)
        #expect(inspector.totals[.text] > 0)
        reader.resume()
        reader.sync {}
        let known = try ProcessInspector().inspect(pid: memgrow.pid).sample.kinds
        while inspector.totals != known {
            _ = try inspector.look(at: .now)
            reader.sync {}
        }
        #expect(inspector.totals[.bss] > 0)
    }
}
