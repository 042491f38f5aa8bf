import Synchronization

/// The targets to be looked at in one tick, for several workers: whoever is free takes the next.
///
/// So a look that hangs keeps its own worker and nobody else's target; and a hundred looks are not a hundred wake-ups.
final class LookQueue: Sendable {
    private let targets: [Target]
    private let next = Atomic<Int>(0)

    init(_ targets: [Target]) { self.targets = targets }

    func take() -> Target? {
        let index = next.add(1, ordering: .relaxed).oldValue
        return index < targets.count ? targets[index] : nil
    }
}
