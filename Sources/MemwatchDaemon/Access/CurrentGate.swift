import Synchronization

/// The access gate in force, which a reload may replace.
package final class CurrentGate: Sendable {
    private let gate: Mutex<AccessGate>

    package init(_ gate: AccessGate) { self.gate = Mutex(gate) }

    package var current: AccessGate { gate.withLock { $0 } }

    package func replace(_ next: AccessGate) { gate.withLock { $0 = next } }
}
