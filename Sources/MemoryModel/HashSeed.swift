/// A number that hashing begins with, another one in each run: a watched process chooses names and inode numbers,
/// and must not be able to choose ones that collide.
package enum HashSeed {
    /// From the standard library's hashing, which draws its own seed when the program starts: a benchmark that asks
    /// for hashing without chance (SWIFT_DETERMINISTIC_HASHING) then gets all of it, and counts the same each time.
    package static func of(_ use: String) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(use)
        return UInt64(truncatingIfNeeded: hasher.finalize())
    }
}
