import TestSupport
import Testing

extension Trait where Self == ConditionTrait {
    /// A system to boot, and what boots it. `make test-system` builds it first.
    static func requiresMachine(_ release: DebianRelease = .bookworm) -> Self {
        requires(
            "test-machine", release.isPrepared,
            "there is no Debian \(release) to boot; \"scripts/test-machine.sh prepare \(release)\" makes one")
    }
}
