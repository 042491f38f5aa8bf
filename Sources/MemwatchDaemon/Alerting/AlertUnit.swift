package import Journal
import MemoryModel

/// Starts the unit that the administrator wants to be started at alerts. Never a command line: what a process is called
/// must not reach a shell.
package struct AlertUnit: Sendable {
    private let starter: UnitStarter

    package init(_ starter: UnitStarter) { self.starter = starter }

    /// `memwatch-alert@.service` becomes `memwatch-alert@threshold-812.service`.
    func start(for alert: MemoryEvent, _ template: String) {
        guard let name = Self.instance(of: template, for: alert) else { return }
        starter.start(name)
    }

    static func instance(of template: String, for alert: MemoryEvent) -> String? {
        guard let at = template.firstIndex(of: "@") else { return nil }
        return template[...at] + "\(alert.type.name)-\(alert.pid)" + template[template.index(after: at)...]
    }
}
