import Glibc
import MemoryModel
import MemwatchInterface
import Varlink

/// What stands on the command line, read: each refusal says what would have been right.
enum ArgumentText {
    /// The kernel's own ceiling on 64-bit machines, PID_MAX_LIMIT: no pid is higher whatever
    /// kernel.pid_max says.
    static let highestPID: Int32 = 4_194_304

    static func pid(_ text: String) throws(Failure) -> Int32 {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .usage("\(UnreadableText.quote(text)) is not a pid: write a process's number, such as 812")
        }
        guard let pid = Int32(text), (1...highestPID).contains(pid) else {
            throw .usage("\(UnreadableText.quote(text)) is out of range: a pid is 1 to \(highestPID)")
        }
        return pid
    }

    /// Each once, however often it was said.
    static func pids(_ texts: [String]) throws(Failure) -> [Int32] {
        var pids: [Int32] = []
        for text in texts {
            let pid = try pid(text)
            if !pids.contains(pid) { pids.append(pid) }
        }
        return pids
    }

    static func checkGlob(_ pattern: String, option: String) throws(Failure) {
        do throws(UnreadableText) { _ = try Glob(pattern) } catch { throw .usage(option, error) }
    }

    static func time(_ text: String?, option: String, now: Timestamp) throws(Failure) -> Timestamp? {
        guard let text else { return nil }
        do throws(UnreadableText) { return try TimeText.parse(text, now: now) } catch {
            throw .usage(option, error)
        }
    }

    /// Checked here, and sent as it was written.
    static func duration(_ text: String?, option: String) throws(Failure) -> String? {
        guard let text else { return nil }
        do throws(UnreadableText) { _ = try DurationText.parse(text) } catch { throw .usage(option, error) }
        return text
    }

    /// `heap,anon`; also given several times. nil where none is given: all.
    static func kinds(_ lists: [String]) throws(Failure) -> [RegionKind]? {
        try words(lists, option: "--kind", what: "kind", all: RegionKind.allCases.map(\.name)) {
            RegionKind(name: $0)
        }
    }

    static func events(_ lists: [String]) throws(Failure) -> [EventType]? {
        try words(lists, option: "--event", what: "event", all: EventType.allCases.map(\.name)) {
            EventType(name: $0)
        }
    }

    private static func words<Word: Hashable>(
        _ lists: [String], option: String, what: String, all: [String], _ read: (Substring) -> Word?
    ) throws(Failure) -> [Word]? {
        if lists.isEmpty { return nil }
        var words: [Word] = []
        for word in lists.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
            guard let value = read(word) else {
                let quoted = UnreadableText.quote(word)
                throw .usage(
                    "\(option): there is no \(what) \(quoted): choose from \(all.joined(separator: ", "))")
            }
            if !words.contains(value) { words.append(value) }
        }
        return words
    }
}

extension Timestamp {
    static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), microseconds: Int64(time.tv_nsec) / 1_000)
    }
}

/// ``TimeRangeOptions``, read.
struct TimeRange: Sendable {
    var since: Timestamp?
    var until: Timestamp?
    var start: Timestamp?

    /// All there is.
    init() {}

    /// The same, where nothing else is said so far back from its end.
    init(_ options: TimeRangeOptions, spanMicroseconds: Int64, now: Timestamp) throws(Failure) {
        try self.init(options)
        if since == nil { since = Timestamp(microseconds: (until ?? now).microseconds &- spanMicroseconds) }
    }

    init(_ options: TimeRangeOptions) throws(Failure) {
        // One now for all: '--since now --until now' is not a range that runs backwards.
        let now = Timestamp.now
        since = try ArgumentText.time(options.since, option: "--since", now: now)
        until = try ArgumentText.time(options.until, option: "--until", now: now)
        start = try ArgumentText.time(options.start, option: "--start", now: now)
        if let since, let until, since > until {
            throw .usage(
                "--since \(since.rfc3339) is after --until \(until.rfc3339): exchange the two")
        }
    }
}

extension JSONObject {
    /// Nothing where there is no value: an absent parameter and a null one mean the same, and this is shorter.
    mutating func set(_ name: String, _ value: String?) {
        if let value { append(name, .string(value)) }
    }

    mutating func set(_ name: String, _ values: [String]?) {
        if let values { append(name, .array(values.map(JSON.string))) }
    }

    mutating func set(_ range: TimeRange) {
        set("start", range.start?.rfc3339)
        set("since", range.since?.rfc3339)
        set("until", range.until?.rfc3339)
    }
}
