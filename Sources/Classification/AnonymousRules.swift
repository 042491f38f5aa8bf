import MemoryModel

/// anon, reserved, jit: private anonymous memory that no other rule claims, told apart by
/// what may be done with it.
enum AnonymousRules {
    static func kind(_ permissions: Permissions) -> RegionKind {
        if permissions.isExecutable { return .jit }
        return permissions.isNone ? .reserved : .anon
    }
}
