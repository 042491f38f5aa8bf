import CSystemd
import Dispatch
import Glibc
import Synchronization

/// Has the service manager start units, on a thread of its own: nobody waits for the bus.
package final class UnitStarter: Sendable {
    /// What could not be started, and why.
    package typealias Complaint = @Sendable (_ unit: String, _ reason: String) -> Void

    private let queue = DispatchQueue(label: "org.memwatch.units")
    private let waiting = Mutex(0)
    private let isUser: Bool
    private let complain: Complaint

    /// So many may wait for a manager that is slow; more are complained about and not started.
    private static let mostWaiting = 16
    private static let patience: UInt64 = 10_000_000

    /// - Parameter isUser: of the user's own manager, not the system's.
    package init(isUser: Bool, complain: @escaping Complaint) {
        self.isUser = isUser
        self.complain = complain
    }

    package func start(_ unit: String) {
        let hasRoom = waiting.withLock { waiting in
            guard waiting < Self.mostWaiting else { return false }
            waiting += 1
            return true
        }
        guard hasRoom else { return complain(unit, "\(Self.mostWaiting) others are waiting to be started") }
        queue.async { [self] in
            var message = [CChar](repeating: 0, count: 512)
            let result = memwatch_start_unit(unit, isUser ? 1 : 0, Self.patience, &message, message.count)
            waiting.withLock { $0 -= 1 }
            guard result < 0 else { return }
            complain(
                unit,
                String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
    }
}
