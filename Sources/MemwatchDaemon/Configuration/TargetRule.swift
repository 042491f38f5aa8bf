package import MemwatchInterface

/// Which processes to watch: one by number, or every one that a name, a program or a unit fits.
package struct TargetRule: Hashable, Sendable {
    package enum Matcher: Hashable, Sendable {
        case pid(Int32)
        /// `/proc/[pid]/comm`: at most 15 bytes, and whatever the process calls itself.
        case comm(Glob)
        /// `/proc/[pid]/exe`, the whole path.
        case exe(Glob)
        /// With its suffix: `nginx.service`.
        case unit(String)
        /// From the root of the hierarchy systemd manages: `/system.slice/nginx.service`. Its descendants too.
        case cgroup(String)
    }

    package var matcher: Matcher
    /// nil: `sampling.interval`.
    package var intervalMicroseconds: Int64?
    /// Whether processes that a matching one forks are watched as well.
    package var includesChildren: Bool

    package init(_ matcher: Matcher, intervalMicroseconds: Int64? = nil, includesChildren: Bool = false) {
        self.matcher = matcher
        self.intervalMicroseconds = intervalMicroseconds
        self.includesChildren = includesChildren
    }

    /// As users see the rule: ``Matcher/text``.
    package var text: String { matcher.text }
}
