import MemoryModel

/// What a key does.
enum WatchKey: Equatable {
    case quit
    case sort
    case kind
    case pause
    case help
    case up
    case down
    case pageUp
    case pageDown
    case escape
    /// Any other; it ends the help.
    case other

    /// The keys in what a terminal sent at once. Sequences that are not known are passed over.
    static func keys(in bytes: [UInt8]) -> [WatchKey] {
        var keys: [WatchKey] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x1b {
                let (key, length) = sequence(bytes[index...])
                if let key { keys.append(key) }
                index += length
                continue
            }
            if let key = key(bytes[index]) { keys.append(key) }
            index += 1
        }
        return keys
    }

    private static func key(_ byte: UInt8) -> WatchKey? {
        switch byte {
        // Ctrl-C and Ctrl-D arrive as bytes, because the terminal is in raw mode.
        case UInt8(ascii: "q"), UInt8(ascii: "Q"), 0x03, 0x04: .quit
        case UInt8(ascii: "s"): .sort
        case UInt8(ascii: "k"): .kind
        case UInt8(ascii: "p"), UInt8(ascii: " "): .pause
        case UInt8(ascii: "h"), UInt8(ascii: "?"): .help
        default: byte >= 0x20 ? .other : nil
        }
    }

    /// `ESC [ A` and the like; a lone ESC is the key itself.
    private static func sequence(_ bytes: ArraySlice<UInt8>) -> (WatchKey?, Int) {
        let start = bytes.startIndex
        guard bytes.count > 1 else { return (.escape, 1) }
        guard bytes[start + 1] == UInt8(ascii: "[") || bytes[start + 1] == UInt8(ascii: "O") else {
            return (.escape, 1)
        }
        var end = start + 2
        while end < bytes.endIndex, !(0x40...0x7e).contains(bytes[end]) { end += 1 }
        guard end < bytes.endIndex else { return (nil, bytes.count) }
        let key: WatchKey? =
            switch bytes[end] {
            case UInt8(ascii: "A"): .up
            case UInt8(ascii: "B"): .down
            case UInt8(ascii: "~") where bytes[start + 2] == UInt8(ascii: "5"): .pageUp
            case UInt8(ascii: "~") where bytes[start + 2] == UInt8(ascii: "6"): .pageDown
            default: nil
            }
        return (key, end - start + 1)
    }
}

extension WatchModel {
    /// - Returns: False where it ends.
    mutating func press(_ key: WatchKey) -> Bool {
        if showsHelp, key != .quit {
            showsHelp = false
            return true
        }
        switch key {
        case .quit: return false
        case .sort:
            let all = Order.allCases
            order = all[((all.firstIndex(of: order) ?? 0) + 1) % all.count]
            offset = 0
        case .kind: kind = nextKind
        case .pause: isPaused.toggle()
        case .help: showsHelp = true
        case .up: offset = max(0, offset - 1)
        case .down: offset = min(max(0, processes.count - 1), offset + 1)
        case .pageUp: offset = max(0, offset - 10)
        case .pageDown: offset = min(max(0, processes.count - 1), offset + 10)
        case .escape, .other: break
        }
        return true
    }

    /// The next of the kinds that some process has; behind the last one all of them again.
    private var nextKind: RegionKind? {
        let there = RegionKind.allCases.filter { kind in
            processes.values.contains { $0.kinds[kind]?.last ?? 0 > 0 }
        }
        guard let kind else { return there.first }
        return there.first { $0.rawValue > kind.rawValue }
    }
}
