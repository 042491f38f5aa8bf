import KernelEvents
import MemoryModel
import MemwatchInterface
import ProcFS
import Varlink

/// What the facts mean: what works, what works with less, what does not and how to mend it.
enum Checkup {
    static func results(of facts: CheckupFacts) -> [CheckResult] {
        kernel(facts) + permissions(facts) + daemon(facts) + [unit(facts), journal(facts)].compactMap(\.self)
    }

    // MARK: The kernel

    private static func kernel(_ facts: CheckupFacts) -> [CheckResult] {
        let kernel = facts.kernel
        var results = [CheckResult.ok("kernel", "Linux \(kernel.release)")]
        results.append(
            kernel.readsMapsConcurrently == false
                ? .degraded(
                    "maps",
                    "reading maps makes the process wait for its own mmap (until Linux 6.17): huge maps are "
                        + "read less often")
                : .ok("maps", "is read without making the process wait"))
        switch kernel.hasProcmapQuery {
        case true?: results.append(.ok("point-questions", "PROCMAP_QUERY works"))
        default:
            results.append(
                .degraded(
                    "point-questions",
                    "no PROCMAP_QUERY (Linux 6.11): huge maps are read whole where a question would do"))
        }
        switch kernel.hasPagemapScan {
        case true?: results.append(.ok("resident-pages", "PAGEMAP_SCAN works"))
        case false?:
            results.append(
                .degraded(
                    "resident-pages",
                    "no PAGEMAP_SCAN (Linux 6.7): --resident is slower, and counts pages of zeros that "
                        + "were only read"))
        case nil:
            results.append(
                .degraded("resident-pages", "/proc/PID/pagemap cannot be opened: --resident shows nothing"))
        }
        results.append(
            kernel.hasPidfdInodes
                ? .ok("identity", "a reused pid is told apart by the inode of its pidfd")
                : .degraded(
                    "identity",
                    "pidfds have no inodes (Linux 6.9): a pid reused within a clock tick cannot be told apart"
                ))
        if let limit = facts.maxMapCount {
            results.append(.ok("map-limit", "vm.max_map_count is \(Quantity.count(limit)) areas a process"))
        }
        return results
    }

    // MARK: What this user may

    private static func permissions(_ facts: CheckupFacts) -> [CheckResult] {
        [otherMaps(facts), events(facts), group(facts)].compactMap(\.self)
    }

    private static func otherMaps(_ facts: CheckupFacts) -> CheckResult {
        switch facts.otherMaps {
        case .opens: .ok("other-users", "their processes can be looked at without a daemon")
        // ptrace(2): root without all capabilities, as in a container, may not look at one who has more.
        case .denied where facts.isRoot:
            .degraded(
                "other-users",
                "processes with capabilities that you do not have cannot be looked at, process 1 is one",
                "start what looks at them with all capabilities")
        case .denied:
            .degraded(
                "other-users", "only your own processes can be looked at without a daemon",
                "run as root, or ask a daemon that may")
        case .hidden:
            .degraded(
                "other-users", "/proc hides other users' processes (hidepid=)",
                "run as root, or ask a daemon that may")
        }
    }

    private static func events(_ facts: CheckupFacts) -> CheckResult {
        guard let refusal = facts.kernelEvents.ownProcess else {
            return facts.kernelEvents.machine == nil
                ? .ok("kernel-events", "the kernel reports every mmap and brk, of all processes")
                : .ok("kernel-events", "the kernel reports every mmap and brk, of your own processes")
        }
        return .degraded(
            "kernel-events",
            "a daemon of this user's would see changes by comparing looks only, without their exact time and thread",
            refusal.description)
    }

    private static func group(_ facts: CheckupFacts) -> CheckResult? {
        guard !facts.isRoot, let isInGroup = facts.isInGroup else { return nil }
        return isInGroup
            ? .ok("group", "you are in the group memwatch, whose members see every process")
            : .degraded(
                "group", "you are not in the group memwatch: the daemon shows you your own processes",
                "'usermod -aG memwatch NAME', and log in again")
    }

    // MARK: The daemon

    private static func daemon(_ facts: CheckupFacts) -> [CheckResult] {
        switch facts.daemon {
        case .failure(let failure):
            [
                .missing(
                    "daemon", "regions and map work without one, all else needs it",
                    failure.message ?? "no answer at \(facts.socket)")
            ]
        case .status(let status):
            [
                .ok("daemon", "answers at \(facts.socket)"), version(facts.clientVersion, status),
                eventSource(status), ticks(status), history(status), disk(status),
            ].compactMap(\.self)
        }
    }

    private static func version(_ ours: String, _ status: JSONObject) -> CheckResult? {
        guard let theirs = status["version"]?.stringValue else { return nil }
        return theirs == ours
            ? .ok("version", "memwatch and memwatchd are both \(ours)")
            : .degraded(
                "version", "memwatch is \(ours), memwatchd \(theirs)", "restart the daemon after an upgrade")
    }

    private static func eventSource(_ status: JSONObject) -> CheckResult? {
        guard let source = status["event_source"]?.stringValue else { return nil }
        let lost = status["records_lost"]?.integerValue ?? 0
        if source == "sampling" || source == "mixed" {
            let which = source == "mixed" ? "some targets are" : "every target is"
            return .degraded(
                "daemon-events",
                "\(which) sampled: changes are dated between two looks, and what came and went between them is not seen",
                status["event_source_reason"]?.stringValue)
        }
        guard lost == 0 else {
            return .degraded(
                "daemon-events",
                "the kernel dropped \(Quantity.count(lost)) records: 'gap' events say when, and looks "
                    + "filled them in")
        }
        return .ok("daemon-events", "every change comes with its time and thread")
    }

    private static func ticks(_ status: JSONObject) -> CheckResult? {
        guard let ticks = status["ticks"]?.integerValue, let late = status["late_ticks"]?.integerValue else {
            return nil
        }
        guard late > ticks / 100, late > 5 else {
            return .ok("ticks", "\(Quantity.count(ticks)), \(late) of them late")
        }
        return .degraded(
            "ticks",
            "\(Quantity.count(late)) of \(Quantity.count(ticks)) were late: a change may be told a tick later",
            "watch fewer targets, or less often (sampling.interval)")
    }

    private static func history(_ status: JSONObject) -> CheckResult? {
        let path = status["history_path"]?.stringValue ?? "the history"
        if let error = status["history_error"]?.stringValue {
            return .missing(
                "history", "\(path) is not written now (\(error))",
                "make room on its disk, or see the journal")
        }
        guard let bytes = status["history_bytes"]?.integerValue.flatMap({ UInt64(exactly: $0) }) else {
            return .degraded("history", "\(path) does not say how large it is")
        }
        return .ok("history", "\(path), \(BinarySize.text(bytes))")
    }

    /// The history keeps a ballast of some megabytes, so that it can delete on a full disk; below ten times that it is
    /// time to say so.
    private static func disk(_ status: JSONObject) -> CheckResult? {
        guard let free = status["history_free_bytes"]?.integerValue.flatMap({ UInt64(exactly: $0) }) else {
            return nil
        }
        return free >= 100 << 20
            ? .ok("disk", "\(BinarySize.text(free)) free where the history is")
            : .degraded(
                "disk", "only \(BinarySize.text(free)) free where the history is",
                "make room, or lower history.maximum_size")
    }

    // MARK: Around it

    private static func unit(_ facts: CheckupFacts) -> CheckResult? {
        guard facts.unit.isSystemdRunning else {
            return .degraded("unit", "systemd does not run here", "start memwatchd by hand")
        }
        guard facts.unit.isInstalled else {
            return .degraded(
                "unit", "memwatchd.service is not installed", "install the package, or 'make install'")
        }
        return facts.unit.isEnabled
            ? .ok("unit", "memwatchd.service is installed and starts with the machine")
            : .degraded(
                "unit", "memwatchd.service does not start with the machine",
                "'systemctl enable --now memwatchd.socket memwatchd.service'")
    }

    private static func journal(_ facts: CheckupFacts) -> CheckResult? {
        if case .status(let status) = facts.daemon, let dropped = status["journal_dropped"]?.integerValue,
            dropped > 0
        {
            return .degraded(
                "journal",
                "\(Quantity.count(dropped)) entries were dropped, by their rate or because journald did not read",
                "raise journal.minimum_growth; the history has all events")
        }
        return facts.hasJournal
            ? .ok("journal", "takes entries")
            : .degraded("journal", "no journald listens here: events are in the history only")
    }
}
