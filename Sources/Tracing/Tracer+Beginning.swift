import MemoryModel

// How a target's story begins.
extension Tracer {
    func firstObservation(_ target: Target, isNew: Bool) -> Observation {
        let snapshot = target.snapshot
        var observation = Observation(
            target: target.id, identity: snapshot.description.identity, time: target.attached)
        if isNew {
            observation.events = [
                MemoryEvent(
                    time: target.attached, pid: target.pid, comm: snapshot.description.comm, type: .attached)
            ]
        }
        return observation
    }

    /// The event that begins a target's story, with the size that its first events start from.
    func beginning(_ event: MemoryEvent, before seen: Observation, isBorn: Bool) -> MemoryEvent {
        var event = event
        if isBorn {
            event.source = .perf
        } else {
            event.time = seen.events.first?.time ?? seen.time
        }
        event.size = (seen.sample?.vmSizeBytes).map { size in
            let since = seen.events.reduce(Int64(0)) { $0.addingSaturating($1.delta ?? 0) }
            return UInt64(clamping: Int64(clamping: size).subtractingSaturating(since))
        }
        return event
    }
}
