extension ProcessDirectory {
    /// The process's path in the cgroup hierarchy that systemd manages, from
    /// `/proc/[pid]/cgroup`: that of version 2, or on older layouts the named one of version 1.
    package func cgroupPath() -> [UInt8]? {
        guard let bytes = try? contents("cgroup", limit: 65_536) else { return nil }
        return bytes.withUnsafeBytes(Self.managedCgroup)
    }

    /// The systemd unit the process runs in: `nginx.service`, `session-2.scope`.
    package func unitName() -> String? { cgroupPath().flatMap(systemdUnit(ofCgroup:)) }

    /// Picks the path from lines of `hierarchy:controllers:path`. Pure, for tests.
    static func managedCgroup(_ bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        var unified: [UInt8]?
        var named: [UInt8]?
        var lines = ByteCursor(bytes)
        while let line = lines.line() {
            var cursor = ByteCursor(line)
            let hierarchy = cursor.upTo(UInt8(ascii: ":"))
            let controllers = cursor.upTo(UInt8(ascii: ":"))
            let path = [UInt8](line[cursor.offset...])
            if hierarchy.equals("0"), controllers.isEmpty { unified = path }
            if controllers.equals("name=systemd") { named = path }
        }
        // systemd's hybrid layout mounts both, and uses only the named one: then all
        // processes are at the root of the other.
        if let unified, unified.count > 1 || named == nil { return unified }
        return named ?? unified
    }
}

/// The last element of a cgroup path that names a unit with processes of its own, or nil.
///
/// The last, so that a user's own `app.service` below `user@1000.service` wins. Slices hold
/// units, not processes. Escapes such as `\x2d` stay as they are: they are part of the name.
func systemdUnit(ofCgroup path: [UInt8]) -> String? {
    let kinds: [StaticString] = [".service", ".scope", ".socket", ".mount", ".swap"]
    for element in path.split(separator: UInt8(ascii: "/")).reversed() {
        let isUnit = element.withUnsafeBytes { bytes in
            kinds.contains { bytes.hasSuffix($0) && bytes.count > $0.utf8CodeUnitCount }
        }
        if isUnit { return String(decoding: element, as: UTF8.self) }
    }
    return nil
}
