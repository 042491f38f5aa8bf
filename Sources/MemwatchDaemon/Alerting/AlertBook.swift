import Analysis
package import MemoryModel
package import Tracing

/// What is wrong with whom: turns observations into alerts, each fired once and cleared once.
package struct AlertBook: Sendable {
    package var settings: AlertSettings {
        didSet { forgetWhatIsNotAsked() }
    }
    private var processes: [ProcessIdentity: ProcessAlerts] = [:]
    /// `vm.max_map_count`; nil where it cannot be read.
    private let maxMapCount: UInt64?

    package init(_ settings: AlertSettings, maxMapCount: UInt64?) {
        self.settings = settings
        self.maxMapCount = maxMapCount
    }

    /// The alerts that an observation gives.
    package mutating func alerts(from observation: Observation, comm: [UInt8]) -> [MemoryEvent] {
        guard !observation.isLast else {
            processes[observation.identity] = nil
            return []
        }
        var alerts = processes[observation.identity] ?? ProcessAlerts()
        var found: [Alert] = []
        // Another program has another history.
        if observation.events.contains(where: { $0.type == .exec }) {
            found = alerts.ends(settings)
            alerts = ProcessAlerts()
        }
        found += alerts.take(observation, settings, maxMapCount)
        processes[observation.identity] = alerts.isIdle ? nil : alerts
        return found.map { alert in
            var event = MemoryEvent(
                time: observation.time, pid: observation.identity.pid, comm: comm, type: alert.type)
            event.kind = alert.kind
            event.size = alert.size
            event.path = alert.text.map { Array($0.utf8) }
            if let region = alert.region {
                (event.start, event.end) = (region.region.start, region.region.end)
                event.permissions = region.region.permissions
                if !region.path.isEmpty { event.path = region.path }
            }
            // An alert stands for one change, its end for none.
            event.count = alert.change == .cleared ? 0 : nil
            return event
        }
    }

    /// What was on when an earlier daemon stopped goes on: it was told, and its end will be.
    package mutating func resume(_ process: ProcessIdentity, _ told: [MemoryEvent], regions: [Region]) {
        var alerts = ProcessAlerts(
            resuming: told,
            writableExecutableRegions: regions.count {
                $0.permissions.isSuperset(of: [.write, .execute])
            })
        alerts.keepOnly(settings)
        processes[process] = alerts.isIdle ? nil : alerts
    }

    /// How many alerts are on, for the daemon's own figures.
    package var active: [EventType: Int] {
        var counts: [EventType: Int] = [:]
        for process in processes.values { for type in process.fired { counts[type, default: 0] += 1 } }
        return counts
    }

    private mutating func forgetWhatIsNotAsked() {
        for (process, alerts) in processes {
            var alerts = alerts
            alerts.keepOnly(settings)
            processes[process] = alerts.isIdle ? nil : alerts
        }
    }
}
