import History

/// Bytes on disk for each stored sample and each region interval, over a day of 100 changing targets.
enum Size {
    static func measure(in directory: String) throws {
        let store = try HistoryStore.open(
            HistoryConfiguration(directory: directory, maximumBytes: 4 << 30, ballastBytes: 0)
        ).0
        var fleet = try Fleet(store, seed: 4, tempers: [(.calm, 60), (.active, 30), (.busy, 10)])
        for second in 1...86_400 {
            try store.write(HistoryBatch(entries: fleet.tick(seconds: 1)))
            // The daemon's upkeep comes every minute.
            if second % 60 == 0 { try fleet.retain() }
        }
        store.close()
        let used = try DatabaseSizes(path: directory + "/history.sqlite")
        // What intervals and events share is counted with the intervals.
        let sampleBytes = used.bytes(of: "sample") + used.bytes(of: "sample_base")
        let intervalBytes =
            used.bytes(of: "region") + used.bytes(of: "mapping") + used.bytes(of: "name")
        let eventBytes = used.bytes(of: "event")
        print(
            JSONLine([
                ("targets", .int(100)), ("days", .int(1)), ("samples", .int(fleet.samples)),
                ("intervals", .int(fleet.intervals)), ("events", .int(fleet.events)),
                ("sample_bytes", .int(sampleBytes)), ("interval_bytes", .int(intervalBytes)),
                ("event_bytes", .int(eventBytes)), ("free_bytes", .int(used.freeBytes)),
                ("file_bytes", .int(used.fileBytes)),
                ("bytes_per_sample", .double(Double(sampleBytes) / Double(fleet.samples))),
                ("bytes_per_interval", .double(Double(intervalBytes) / Double(fleet.intervals))),
                ("bytes_per_event", .double(Double(eventBytes) / Double(fleet.events))),
                ("tables", .object(used.tables.map { ($0.name, .int($0.bytes)) })),
            ]).text)
    }
}
