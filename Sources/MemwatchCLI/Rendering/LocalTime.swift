import Glibc
import MemoryModel

/// Times in tables: local, to the millisecond, in a form that `--since` reads back.
enum LocalTime {
    /// `2026-11-23 02:31:00.125`.
    static func text(_ time: Timestamp) -> String {
        var (seconds, rest) = time.microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        if rest < 0 {
            rest += 1_000_000
            seconds -= 1
        }
        var clock = time_t(seconds)
        var fields = tm()
        guard localtime_r(&clock, &fields) != nil else { return time.rfc3339 }
        return number(Int64(fields.tm_year) + 1_900, 4) + "-" + number(Int64(fields.tm_mon) + 1, 2) + "-"
            + number(Int64(fields.tm_mday), 2) + " " + number(Int64(fields.tm_hour), 2) + ":"
            + number(Int64(fields.tm_min), 2) + ":" + number(Int64(fields.tm_sec), 2) + "."
            + number(rest / 1_000, 3)
    }

    private static func number(_ value: Int64, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
