import Glibc
import MemoryModel
import MemwatchInterface
import Varlink

extension RunSummary {
    /// Of more processes only the first are read one by one; all of them are counted.
    private static let mostProcesses = 1_000

    /// Asks the run's daemon, when the program has ended.
    mutating func read(from daemon: PrivateDaemon) throws(Failure) {
        let connection = try Daemon.connect(daemon.endpoint)
        let targets = try endedTargets(connection)
        let status = try connection.call(.status)
        eventSource = status["event_source"]?.stringValue ?? "unknown"
        forksDropped = UInt64(clamping: status["forks_dropped"]?.integerValue ?? 0)
        processCount = targets.count
        let exec = try firstExec(connection)
        for target in targets.prefix(Self.mostProcesses) {
            let comm = target.pid == pid && exec == nil ? executedName : target.comm
            var parameters: JSONObject = ["pid": .integer(Int64(target.pid))]
            parameters.set("start", target.started?.rfc3339)
            func process(_ first: Sample?) -> RunProcess {
                RunProcess(pid: target.pid, comm: comm, first: first, waitsForExec: target.pid == pid)
            }
            var found: RunProcess?
            try connection.streamRecords(.history, parameters, in: "samples") { (bytes) throws(Failure) in
                let sample = try RecordPrinter<SampleRecord>.read(bytes).sample
                if found == nil { found = process(sample) }
                found?.take(sample, afterExec: exec)
            }
            add(found ?? process(nil))
        }
        try connection.streamRecords(.events, JSONObject(), in: "events") { (bytes) throws(Failure) in
            take(try RecordPrinter<EventRecord>.read(bytes))
        }
    }

    /// What execve(2) calls a process: the last part of the path, at most 15 bytes of it (TASK_COMM_LEN).
    private var executedName: String {
        PrintableText.jsonText(command[0].utf8.split(separator: UInt8(ascii: "/")).last?.prefix(15) ?? [])
    }

    /// When the program was executed; nil where nobody saw that.
    private func firstExec(_ connection: Daemon) throws(Failure) -> Timestamp? {
        var time: Timestamp?
        let parameters: JSONObject = ["pid": .integer(Int64(pid)), "events": ["exec"]]
        try connection.streamRecords(.events, parameters, in: "events") { (bytes) throws(Failure) in
            if time == nil { time = try RecordPrinter<EventRecord>.read(bytes).time }
        }
        return time
    }

    /// All that were watched, once the daemon has seen the program's end and its children come no more; after three seconds,
    /// as they are. Of a thousand that were forked at once the last are told some tenths of a second later.
    private func endedTargets(_ connection: Daemon) throws(Failure) -> [TargetRecord] {
        var targets: [TargetRecord] = []
        var unchanged = 0
        for _ in 0..<150 {
            let found: [TargetRecord] = try connection.call(.list, ["all": true]).records("targets")
            let hasEnded = found.contains { $0.pid == pid && $0.state != .running }
            unchanged = hasEnded && found.count == targets.count ? unchanged + 1 : 0
            targets = found
            // One that lives on is no reason to wait: it may be a daemon that the program left behind.
            if unchanged >= (targets.contains { $0.state == .running } ? 10 : 3) { break }
            usleep(20_000)
        }
        // The program first, then its children as they came.
        return targets.sorted { a, b in
            (a.pid == pid ? 0 : 1, a.attached, a.pid) < (b.pid == pid ? 0 : 1, b.attached, b.pid)
        }
    }
}
