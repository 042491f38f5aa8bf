package import MemwatchInterface

extension TargetRule.Matcher {
    /// The words that name a way to match, in configuration, in rules' texts and on the wire.
    package static let keys = ["pid", "comm", "exe", "unit", "cgroup"]

    package var key: String {
        switch self {
        case .pid: "pid"
        case .comm: "comm"
        case .exe: "exe"
        case .unit: "unit"
        case .cgroup: "cgroup"
        }
    }

    /// `comm:python*`, `exe:/usr/bin/*`, `unit:nginx.service`, `cgroup:/system.slice`, `pid:812`.
    package var text: String {
        switch self {
        case .pid(let pid): "pid:\(pid)"
        case .comm(let glob), .exe(let glob): key + ":" + glob.pattern
        case .unit(let name), .cgroup(let name): key + ":" + name
        }
    }

    /// Reads ``text`` back, as a rule that outlived the daemon is stored.
    package init(text: some StringProtocol) throws(UnreadableText) {
        guard let colon = text.firstIndex(of: ":") else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is not a rule: write pid:, comm:, exe:, unit: or cgroup: and a value"
            )
        }
        try self.init(key: text[..<colon], value: text[text.index(after: colon)...])
    }

    /// - Parameters:
    ///   - key: One of ``keys``.
    ///   - value: What a person or a client wrote. Refused where it could never match anything.
    package init(key: some StringProtocol, value: some StringProtocol) throws(UnreadableText) {
        switch key {
        case "pid":
            guard !value.hasPrefix("+"), let pid = Int32(value) else {
                throw UnreadableText(
                    "\(UnreadableText.quote(value)) is not a process id: write a number such as 812")
            }
            try self.init(pid: Int64(pid))
        case "comm": self = .comm(try Self.comm(value))
        case "exe": self = .exe(try Self.exe(value))
        case "unit": self = .unit(try Self.unit(value))
        case "cgroup": self = .cgroup(try Self.cgroup(value))
        default:
            throw UnreadableText(
                "\(UnreadableText.quote(key)) is not a kind of rule: write pid, comm, exe, unit or cgroup")
        }
    }

    package init(pid: Int64) throws(UnreadableText) {
        // PID_MAX_LIMIT, the most /proc/sys/kernel/pid_max takes on 64 bits (proc(5)).
        guard (1...4_194_304).contains(pid) else {
            throw UnreadableText("\(pid) is not a process id: write a number from 1 to 4194304")
        }
        self = .pid(Int32(pid))
    }

    private static func comm(_ text: some StringProtocol) throws(UnreadableText) -> Glob {
        let glob = try Glob(text)
        // TASK_COMM_LEN is 16 with its NUL, and the kernel cuts without a word.
        guard glob.minimumLength <= 15 else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) matches no process: the kernel keeps 15 bytes of a name, "
                    + "write them and a *, or use exe")
        }
        return glob
    }

    private static func exe(_ text: some StringProtocol) throws(UnreadableText) -> Glob {
        let glob = try Glob(text)
        guard glob.mayBegin(with: UInt8(ascii: "/")) else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) matches no program: exe is a whole path, write one that begins "
                    + "with /, or */ and the file's name")
        }
        return glob
    }

    /// `nginx` is `nginx.service`, as systemctl(1) has it.
    private static func unit(_ text: some StringProtocol) throws(UnreadableText) -> String {
        // systemd.unit(5): ASCII letters, digits and :-_.\@, at most 255 characters.
        let isName = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: ":-_.\\@".utf8.contains(byte)
            }
        }
        guard isName, !text.isEmpty else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is not a unit: write its name as systemctl lists it, "
                    + "such as nginx.service")
        }
        let suffixes = [".service", ".scope", ".slice", ".socket", ".mount", ".swap"]
        let name = suffixes.contains(where: { text.hasSuffix($0) }) ? String(text) : text + ".service"
        guard name.utf8.count <= 255 else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is longer than the 255 characters of a unit's name")
        }
        return name
    }

    private static func cgroup(_ text: some StringProtocol) throws(UnreadableText) -> String {
        let parts = text.split(separator: "/", omittingEmptySubsequences: true)
        guard text.hasPrefix("/"), !parts.contains(".."), !parts.contains("."), !text.utf8.contains(0),
            text.utf8.count < 4_096
        else {
            throw UnreadableText(
                "\(UnreadableText.quote(text)) is not a control group: write its path as /proc/PID/cgroup shows "
                    + "it behind ::, such as /system.slice/nginx.service")
        }
        return "/" + parts.joined(separator: "/")
    }
}
