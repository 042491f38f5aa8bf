import MemoryModel

/// A child that a target's records told of, and what it was given.
struct ForkedChild: Sendable {
    var pid: Int32
    var ledger: Ledger

    static let limit = 256
}

/// What a process has of its parent at the instant of the fork: the parent's map.
package struct ForkedMemory: Sendable {
    var ledger: Ledger
    /// The names of the ledger's regions.
    var paths: PathTable
}
