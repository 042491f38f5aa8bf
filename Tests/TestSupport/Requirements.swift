// `swift build` compiles this target too, since it is no test target, but offers the Testing module only
// where tests are built. Nothing but tests needs what is here.
#if canImport(Testing)
    import Glibc
    package import Testing

    /// What a test may need that a machine may lack. A test that cannot run says why, and writes it
    /// down: see ``ExpectedSkips``.
    extension Trait where Self == ConditionTrait {
        /// The effective user is root.
        package static var requiresRoot: Self {
            requires("root", geteuid() == 0, "it must run as root")
        }

        /// A program is in PATH.
        package static func requiresTool(_ name: String) -> Self {
            requires("tool-\(name)", findTool(name) != nil, "\(name) is not installed")
        }

        /// Anything else: `name` is what ``ExpectedSkips`` knows it by, `reason` what is missing.
        package static func requires(
            _ name: String, _ condition: @autoclosure @escaping @Sendable () -> Bool, _ reason: String
        ) -> Self {
            .enabled("\(name): \(reason)") {
                if condition() { return true }
                ExpectedSkips.note(name, reason)
                return false
            }
        }
    }
#endif
