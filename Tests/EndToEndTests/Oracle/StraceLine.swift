/// One line of what `strace -f -ttt -T -o FILE` writes.
///
///     4178  1795413194.450856 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f… <0.000012>
///     5105  1795413278.147487 vfork( <unfinished ...>
///     5105  1795413278.149724 <... vfork resumed>) = 5108 <0.002206>
///     4178  1795413194.768740 +++ exited with 0 +++
///
/// The time is that of the stop before the call, as strace saw it: the call itself happens later, and on a busy
/// machine much later. `-T` tells how long it took until the stop behind it, from when strace let it go on. A
/// line that begins with `<...` has the time of the stop behind the call.
struct StraceLine {
    enum Content {
        case call(name: Substring, arguments: Substring, result: Substring, duration: Int64?)
        case unfinished(name: Substring, arguments: Substring)
        case resumed(name: Substring, arguments: Substring, result: Substring)
        /// The thread ended, or took over its leader's number by exec.
        case end
        /// A signal, and what else says nothing of memory.
        case other
    }

    let tid: Int32
    /// Microseconds since 1970.
    let time: Int64
    let content: Content

    /// nil where the line is no line of strace's.
    init?(_ line: Substring) {
        let digits = line.prefix { $0.isNumber }
        guard let tid = Int32(digits) else { return nil }
        let afterTid = line[digits.endIndex...].drop { $0 == " " }
        let stamp = afterTid.prefix { $0 != " " }
        guard let time = Self.microseconds(stamp), stamp.endIndex < afterTid.endIndex else { return nil }
        self.tid = tid
        self.time = time
        guard let content = Self.content(afterTid[afterTid.index(after: stamp.endIndex)...]) else {
            return nil
        }
        self.content = content
    }

    private static func content(_ text: Substring) -> Content? {
        if text.hasPrefix("+++") { return .end }
        if text.hasPrefix("---") { return .other }
        let mark = " <unfinished ...>"
        if text.hasPrefix("<... ") {
            guard let close = text.firstIndex(of: ">") else { return nil }
            let name = text.dropFirst(5).prefix { $0 != " " }
            guard let (arguments, result, _) = outcome(text[text.index(after: close)...]) else {
                return nil
            }
            return .resumed(name: name, arguments: arguments, result: result)
        }
        guard let open = text.firstIndex(of: "(") else { return nil }
        let name = text[..<open]
        let rest = text[text.index(after: open)...]
        if rest.hasSuffix(mark) { return .unfinished(name: name, arguments: rest.dropLast(mark.count)) }
        guard let (arguments, result, duration) = outcome(rest) else { return nil }
        return .call(name: name, arguments: arguments, result: result, duration: duration)
    }

    /// `NULL)   = 0x55… <0.000012>`: the arguments, the result, and the duration in microseconds.
    private static func outcome(_ text: Substring) -> (Substring, Substring, Int64?)? {
        var text = text
        var duration: Int64?
        if text.hasSuffix(">"), let open = text.lastIndex(of: "<") {
            duration = microseconds(text[text.index(after: open)...].dropLast())
            text = text[..<open]
            while text.hasSuffix(" ") { text.removeLast() }
        }
        // From the end: an argument of execve may have the same signs in it.
        guard let equals = text.lastRange(of: " = ") else { return nil }
        let result = text[equals.upperBound...]
        var arguments = text[..<equals.lowerBound]
        while arguments.hasSuffix(" ") { arguments.removeLast() }
        guard arguments.hasSuffix(")") else { return nil }
        // A thread that was killed in the call: `<unfinished ...>) = ?`.
        return (arguments.dropLast(), result, duration)
    }

    /// `1795413194.450856` or `0.000012`.
    private static func microseconds(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ".")
        guard parts.count == 2, parts[1].count == 6, let seconds = Int64(parts[0]), let rest = Int64(parts[1])
        else { return nil }
        return seconds * 1_000_000 + rest
    }
}

extension Substring {
    fileprivate func lastRange(of text: String) -> Range<Index>? {
        var index = endIndex
        while index > startIndex {
            index = self.index(before: index)
            if self[index...].hasPrefix(text) {
                return index..<self.index(index, offsetBy: text.count)
            }
        }
        return nil
    }
}
