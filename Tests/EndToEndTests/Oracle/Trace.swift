import Glibc
import TestSupport

/// What strace saw of a process and of all it started: the calls that succeeded, by process.
struct Trace {
    private(set) var calls: [TracedCall] = []
    /// The calls of the five kinds that were looked for, whatever came of them.
    private(set) var lines = 0
    /// Every process, in the order of appearance, and what it was forked from.
    private(set) var processes: [Int32] = []
    /// Lines that no rule of strace's output explains. Must be empty.
    private(set) var unreadable: [String] = []

    private struct Origin {
        var parent: Int32
        var isThread: Bool
    }
    private var origins: [Int32: Origin] = [:]
    private var breaks: [Int32: UInt64] = [:]
    private var pending: [Int32: (name: Substring, arguments: Substring, time: Int64, text: Substring)] = [:]
    private let pageSize = UInt64(sysconf(Int32(_SC_PAGESIZE)))

    /// The five calls are the oracle; the others only explain whose they are and what the kernel maps itself.
    static let oracle = ["brk", "mmap", "munmap", "mremap", "mprotect"]
    static let explaining = [
        "execve", "clone", "clone3", "fork", "vfork", "pkey_mprotect", "shmat", "shmdt",
    ]

    init(_ text: String) {
        let texts = text.split(separator: "\n")
        let parsed = texts.map { ($0, StraceLine($0)) }
        learnOrigins(parsed)
        for (index, (text, line)) in parsed.enumerated() {
            guard let line else {
                unreadable.append(String(text))
                continue
            }
            let next = index + 1 < parsed.count ? parsed[index + 1].1?.time : nil
            take(line, text, before: next ?? line.time)
        }
        // What never came back may have happened or not.
        for (tid, call) in pending {
            add(call, tid, .unknown, [], exit: .max)
        }
        pending = [:]
        calls.sort { ($0.entry, $0.tid) < ($1.entry, $1.tid) }
    }

    // MARK: Whose they are

    /// Who created which thread: a child's first lines may come before the end of the call that made it.
    private mutating func learnOrigins(_ parsed: [(Substring, StraceLine?)]) {
        var waiting: [Int32: Substring] = [:]
        for case (_, let line?) in parsed {
            switch line.content {
            case .unfinished(let name, let arguments) where Self.isFork(name):
                waiting[line.tid] = arguments
            case .resumed(let name, let arguments, let result) where Self.isFork(name):
                learn(line.tid, (waiting.removeValue(forKey: line.tid) ?? "") + arguments, result)
            case .call(let name, let arguments, let result, _) where Self.isFork(name):
                learn(line.tid, arguments, result)
            default: break
            }
        }
    }

    private static func isFork(_ name: Substring) -> Bool {
        ["clone", "clone3", "fork", "vfork"].contains(name)
    }

    private mutating func learn(_ tid: Int32, _ arguments: Substring, _ result: Substring) {
        guard let child = Int32(result.prefix { $0.isNumber }) else { return }
        origins[child] = Origin(parent: tid, isThread: arguments.contains("CLONE_THREAD"))
    }

    func process(of tid: Int32) -> Int32 {
        var tid = tid
        while let origin = origins[tid], origin.isThread { tid = origin.parent }
        return tid
    }

    // MARK: What they did

    private mutating func take(_ line: StraceLine, _ text: Substring, before next: Int64) {
        let pid = process(of: line.tid)
        if !processes.contains(pid) {
            processes.append(pid)
            if let parent = origins[pid]?.parent { breaks[pid] = breaks[process(of: parent)] }
        }
        switch line.content {
        case .call(let name, let arguments, let result, let duration):
            // What explains everything, as exec does, must not do so for longer than it must.
            let isOracle = Self.oracle.contains(String(name))
            let exit = line.time + (duration ?? 0)
            finish(
                (name, arguments, line.time, text), line.tid, result,
                exit: isOracle ? latest(exit, before: next) : exit)
        case .unfinished(let name, let arguments):
            pending[line.tid] = (name, arguments, line.time, text)
        case .resumed(_, let arguments, let result):
            guard var call = pending.removeValue(forKey: line.tid) else {
                unreadable.append(String(text))
                return
            }
            call.arguments += arguments
            finish(call, line.tid, result, exit: line.time)
        case .end:
            guard let call = pending.removeValue(forKey: line.tid) else { return }
            add(call, line.tid, .unknown, [], exit: line.time)
        case .other: break
        }
    }

    /// When the stop behind a call was at the latest, where by strace's account it was at `exit`.
    ///
    /// strace takes the time of a line when it sees the stop before the call, and begins to measure how long
    /// the call takes when it lets the thread go on. On a busy machine it may be put aside between the two, so
    /// that the call happens after all of the time it is said to have taken. All that is certain is that it
    /// was over when strace wrote its next line.
    private func latest(_ exit: Int64, before next: Int64) -> Int64 {
        max(exit, min(next, exit + Self.longestPutAside))
    }

    /// No thread that is ready to run waits longer for a processor, not even here: so the silence after the last
    /// call before a pause explains nothing.
    private static let longestPutAside: Int64 = 100_000

    private mutating func finish(
        _ call: (name: Substring, arguments: Substring, time: Int64, text: Substring), _ tid: Int32,
        _ result: Substring, exit: Int64
    ) {
        let isOracle = Self.oracle.contains(String(call.name))
        if isOracle { lines += 1 }
        if result.hasPrefix("?") {
            if isOracle { add(call, tid, .unknown, [], exit: exit) }
            return
        }
        if result.hasPrefix("-1") { return }
        let arguments = call.arguments.split(separator: ",").map { $0.drop { $0 == " " } }
        func number(_ index: Int) -> UInt64? { index < arguments.count ? Self.number(arguments[index]) : nil }
        let pid = process(of: tid)
        switch call.name {
        case "mmap":
            guard let start = Self.number(result), let length = number(1) else {
                return unreadable.append(String(call.text))
            }
            add(call, tid, .birth, [pages(start, length)], exit: exit)
        case "munmap":
            guard let start = number(0), let length = number(1) else {
                return unreadable.append(String(call.text))
            }
            add(call, tid, .unrecorded, [pages(start, length)], exit: exit)
        case "mprotect", "pkey_mprotect":
            guard let start = number(0), let length = number(1) else {
                return unreadable.append(String(call.text))
            }
            if length > 0 { add(call, tid, .protection, [pages(start, length)], exit: exit) }
        case "mremap":
            guard let old = number(0), let length = number(1), let longer = number(2),
                let new = Self.number(result)
            else { return unreadable.append(String(call.text)) }
            add(
                call, tid, .unrecorded, [pages(old, length), pages(new, longer)].filter { !$0.isEmpty },
                exit: exit)
        case "brk":
            guard let end = Self.number(result) else { return unreadable.append(String(call.text)) }
            moveBreak(call, tid, pid, to: roundedUp(end), exit: exit)
        case "execve":
            breaks[pid] = nil
            add(call, tid, .exec, [], exit: exit)
        case "shmat", "shmdt":
            // Not among the five, so only an explanation, wherever it was.
            add(call, tid, .unknown, [], exit: exit)
        default: break
        }
    }

    /// brk returns the break as it is afterwards: the old one where it refused to move it.
    private mutating func moveBreak(
        _ call: (name: Substring, arguments: Substring, time: Int64, text: Substring), _ tid: Int32,
        _ pid: Int32,
        to end: UInt64, exit: Int64
    ) {
        defer { breaks[pid] = end }
        guard let before = breaks[pid], before != end else { return }
        if before < end {
            add(call, tid, .birth, [before..<end], exit: exit)
        } else {
            add(call, tid, .unrecorded, [end..<before], exit: exit)
        }
    }

    private mutating func add(
        _ call: (name: Substring, arguments: Substring, time: Int64, text: Substring), _ tid: Int32,
        _ effect: TracedCall.Effect, _ ranges: [Range<UInt64>], exit: Int64
    ) {
        calls.append(
            TracedCall(
                name: String(call.name), pid: process(of: tid), tid: tid, entry: call.time, exit: exit,
                effect: effect, ranges: ranges, text: String(call.text)))
    }

    // MARK: Numbers

    private func roundedUp(_ address: UInt64) -> UInt64 { (address + pageSize - 1) & ~(pageSize - 1) }

    private func pages(_ start: UInt64, _ length: UInt64) -> Range<UInt64> {
        start..<roundedUp(start + length)
    }

    /// `0x7f…`, `8192` or `NULL`; what follows a blank is a comment of strace's.
    private static func number(_ text: Substring) -> UInt64? {
        let word = text.prefix { $0 != " " }
        if word == "NULL" { return 0 }
        return word.hasPrefix("0x") ? UInt64(word.dropFirst(2), radix: 16) : UInt64(word)
    }
}
