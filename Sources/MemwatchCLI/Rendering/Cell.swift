import MemoryModel
import MemwatchInterface

/// Values as tables show them.
enum Cell {
    static func size(_ bytes: UInt64?) -> String? { bytes.map { BinarySize.text($0) } }

    static func change(_ bytes: Int64?) -> String? { bytes.map { BinarySize.text(change: $0) } }

    static func time(_ time: Timestamp?) -> String? { time.map { LocalTime.text($0) } }

    static func number(_ value: (some BinaryInteger)?) -> String? { value.map { String($0) } }

    /// `7f0012340000-7f0012361000`, as /proc/[pid]/maps writes it.
    static func range(_ start: UInt64?, _ end: UInt64?) -> String? {
        guard let start, let end else { return start.map { hexadecimal($0) } }
        return hexadecimal(start) + "-" + hexadecimal(end)
    }

    private static func hexadecimal(_ value: UInt64) -> String { String(value, radix: 16) }

    /// What a region is called: its path, its thread, or both.
    static func name(path: String?, tid: Int32?) -> String {
        switch (path, tid) {
        case (let path?, let tid?): "\(path) (tid \(tid))"
        case (let path?, nil): path
        case (nil, let tid?): "tid \(tid)"
        case (nil, nil): ""
        }
    }
}
