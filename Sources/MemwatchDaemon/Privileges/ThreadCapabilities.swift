import CLinux
import Glibc

/// What the calling thread may do. The kernel keeps capabilities for each thread; a new one has those of the
/// thread that starts it. So a program that gives some up does it before it has a second thread.
package enum ThreadCapabilities {
    /// What the thread holds; it could take all of it into use. Empty where the kernel does not say.
    package static var permitted: CapabilitySet {
        CapabilitySet(rawValue: sets?.permitted ?? 0)
    }

    private static var sets: clinux_capabilities? {
        var sets = clinux_capabilities()
        return clinux_get_capabilities(&sets) == 0 ? sets : nil
    }

    /// Runs `body` with these capabilities in use and no others, although the thread still holds what it held;
    /// nil where the kernel refuses.
    static func using<Result>(only some: CapabilitySet, _ body: () -> Result) -> Result? {
        guard let before = sets else { return nil }
        var less = before
        less.effective = before.permitted & some.rawValue
        guard clinux_set_capabilities(less) == 0 else { return nil }
        defer { _ = clinux_set_capabilities(before) }
        return body()
    }

    /// Gives up all but `kept`, for good: nothing that this process executes gets any, either.
    ///
    /// - Returns: 0, or the errno of capset(2).
    package static func giveUp(allBut kept: CapabilitySet) -> Int32 {
        // Without CAP_SETPCAP the bounding set stays as it is. It says only what execve(2) may add, and with
        // this flag that is nothing.
        _ = clinux_set_no_new_privileges()
        for number in 0..<64 where !kept.contains(CapabilitySet(number: number)) {
            if clinux_drop_from_bounding_set(Int32(number)) != 0, errno == EINVAL { break }
        }
        _ = clinux_clear_ambient_set()
        var sets = clinux_capabilities()
        sets.permitted = permitted.intersection(kept).rawValue
        sets.effective = sets.permitted
        return clinux_set_capabilities(sets) == 0 ? 0 : errno
    }
}
