import Glibc
import MemoryModel
import TestSupport

@testable import KernelEvents

/// An event source, and a way to wait until it has something.
final class Watcher {
    let source: KernelEventSource
    private let reader: Int32
    private let writer: Int32

    /// - Parameter options: by default with rings so large that a busy machine does not fill them, where that
    ///   is allowed, and with every record taken.
    init(
        _ options: KernelEventSource.Options = .roomy, execs: @escaping @Sendable (Int32) -> Void = { _ in }
    ) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw TestFailure("pipe: \(errno)") }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        reader = ends[0]
        writer = ends[1]
        let writer = writer
        source = KernelEventSource(options: options) { _ in
            // A full pipe wakes as well.
            _ = write(writer, "x", 1)
        } execs: {
            execs($0)
            _ = write(writer, "x", 1)
        }
    }

    deinit {
        source.stop()
        close(reader)
        close(writer)
    }

    /// The queue of a process, watched by one scope.
    func watch(
        _ pid: Int32, _ scope: KernelEventSource.Scope, followsChildren: Bool = false
    ) throws -> KernelEventQueue {
        try source.watch(pid: pid, preferring: [scope], followsChildren: followsChildren).get()
    }

    /// Waits until `condition` holds, looking anew after each pass that brought something.
    func wait(_ what: String, seconds: Int32 = 60, until condition: () -> Bool) throws {
        let deadline = MonotonicTime.nanoseconds + Int64(seconds) * 1_000_000_000
        while !condition() {
            let rest = (deadline - MonotonicTime.nanoseconds) / 1_000_000
            guard rest > 0 else {
                throw TestFailure("\(what): nothing after \(seconds) s; \(source.statistics)")
            }
            var entry = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            _ = poll(&entry, 1, Int32(clamping: rest))
            var bytes = [UInt8](repeating: 0, count: 256)
            _ = read(reader, &bytes, bytes.count)
        }
    }

    /// Everything up to a record that `isLast`.
    func records(
        of queue: KernelEventQueue, until isLast: (KernelRecord) -> Bool
    ) throws -> [KernelRecord] {
        var all: [KernelRecord] = []
        try wait("records of \(queue.pid)") {
            let taken = queue.take()
            all += taken.records
            return taken.records.contains(where: isLast)
        }
        return all
    }

    /// Everything the subject did until now: lets it map an area of a size nobody else asks for, and waits
    /// for that.
    func records(of queue: KernelEventQueue, upToNowBy subject: Subject) throws -> [KernelRecord] {
        let size: UInt64 = 0x7b_5000
        let mark = try subject.perform("map 15 \(size) 0 \(MAP_SHARED)")
        return try records(of: queue) { $0.mapping?.start == mark.address }
            .filter { $0.mapping?.start != mark.address }
    }
}

extension KernelRecord {
    var mapping: MappingRecord? {
        if case .mapping(let mapping) = content { return mapping }
        return nil
    }

    var exec: String? {
        if case .exec(let comm) = content { return String(decoding: comm, as: UTF8.self) }
        return nil
    }

    var child: Int32? {
        if case .fork(let child) = content { return child }
        return nil
    }

    var isGap: Bool {
        if case .gap = content { return true }
        return false
    }
}

extension MappingRecord {
    var size: UInt64 { end - start }

    var path: String? {
        if case .file(let bytes) = name { return String(decoding: bytes, as: UTF8.self) }
        return nil
    }
}

extension KernelEventSource.Options {
    static var roomy: Self {
        var options = Self()
        options.ringBytes = 8 << 20
        // What a subject does as fast as it can is not to be thinned out, either.
        options.mappingsPerSecond = 1_000_000_000
        return options
    }
}
