import Glibc
import MemoryModel
import TestSupport
import Testing

@testable import KernelEvents

/// A process that makes the system calls it is told to (`Fixtures/subject.c`, compiled once a run).
final class Subject {
    let process: ChildProcess
    var pid: Int32 { process.pid }

    /// What it says of one call.
    struct Reply {
        /// CLOCK_MONOTONIC around it, in nanoseconds.
        let times: ClosedRange<Int64>
        let tid: Int32
        let value: Int64

        var address: UInt64 { UInt64(bitPattern: value) }
    }

    /// - Parameter user: whom it runs as; by setpriv(1), so that it is a dumpable process of that user.
    init(as user: Int? = nil) throws {
        let program = try Self.program.get()
        if let user {
            process = try ChildProcess(
                "setpriv", ["--reuid", "\(user)", "--regid", "\(user)", "--clear-groups", program])
        } else {
            process = try ChildProcess(program)
        }
        try expectReady()
    }

    /// Lets it make a call and waits until that is done.
    @discardableResult
    func perform(_ call: String) throws -> Reply {
        try process.send(call + "\n")
        guard let line = try process.nextLine() else {
            throw TestFailure("the subject ended at \(call): \(process.errorText())")
        }
        let fields = line.split(separator: " ").compactMap { Int64($0) }
        guard fields.count == 4, fields[0] <= fields[1] else {
            throw TestFailure("no answer to \(call): \(line)")
        }
        return Reply(
            times: fields[0]...fields[1], tid: Int32(truncatingIfNeeded: fields[2]), value: fields[3])
    }

    /// Lets it execute its own program again.
    func exec(_ call: String = "exec") throws {
        try process.send(call + "\n")
        try expectReady()
    }

    private func expectReady() throws {
        let line = try process.nextLine()
        guard line == "ready \(pid)" else { throw TestFailure("not ready: \(line ?? "ended")") }
    }

    private static let directory: Result<TemporaryDirectory, any Error> = Result { try TemporaryDirectory() }

    private static let program: Result<String, any Error> = Result { () throws -> String in
        let directory = try Subject.directory.get()
        // Another user executes what lies in it.
        chmod(directory.path, 0o755)
        let source = #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        let binary = directory.file("subject")
        try run("cc", ["-O1", "-pthread", "-o", binary, source + "/Fixtures/subject.c"])
        atexit {
            // Static values are never deinitialised.
            if let path = try? Subject.directory.get().path {
                unlink(path + "/subject")
                rmdir(path)
            }
        }
        return binary
    }
}

/// The subject's chain of threads has been seen whole, once each, from some link to the last, which `chainstop 500` ended.
///
/// Each link maps one shared area, whose size tells its number; stacks are private.
func expectWholeChain(
    _ records: some Sequence<KernelRecord>, upTo last: Int, sourceLocation: SourceLocation = #_sourceLocation
) {
    let links = records.compactMap { record in
        record.mapping.flatMap { $0.permissions.contains(.shared) ? Int($0.size / 4_096) - 1 : nil }
    }
    let first = last - links.count + 1
    #expect(links.count >= 450 && first >= 0, sourceLocation: sourceLocation)
    #expect(links == (first...max(first, last)).map { $0 % 1_000 }, sourceLocation: sourceLocation)
}
