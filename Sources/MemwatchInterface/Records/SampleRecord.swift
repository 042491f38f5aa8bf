package import MemoryModel
package import Varlink

/// A sample as users see it. Fields: DESIGN "Data fields", docs/json.md.
package struct SampleRecord: Record, Hashable {
    package var sample: Sample
    /// nil where the sample adds up several processes.
    package var pid: Int32?
    /// The kinds to write; all unless `--kind` names some.
    package var kinds: [RegionKind]

    package init(_ sample: Sample, kinds: [RegionKind] = RegionKind.allCases) {
        self.sample = sample
        pid = sample.pid == 0 ? nil : sample.pid
        self.kinds = kinds
    }

    package static let fields = [
        "time", "pid", "vm_size", "rss", "rss_anon", "rss_file", "rss_shmem", "swap", "page_tables",
        "threads", "regions", "program_break", "stack_limit", "kinds", "consistent",
    ]

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("time")
        writer.value(sample.time)
        writer.key("pid")
        writer.value(pid)
        writer.key("vm_size")
        writer.value(sample.vmSizeBytes)
        writer.key("rss")
        writer.value(sample.rssBytes)
        writer.key("rss_anon")
        writer.value(sample.rssAnonBytes)
        writer.key("rss_file")
        writer.value(sample.rssFileBytes)
        writer.key("rss_shmem")
        writer.value(sample.rssShmemBytes)
        writer.key("swap")
        writer.value(sample.swapBytes)
        writer.key("page_tables")
        writer.value(sample.pageTablesBytes)
        writer.key("threads")
        writer.value(sample.threads)
        writer.key("regions")
        writer.value(sample.regionCount)
        writer.key("program_break")
        writer.hexadecimal(sample.programBreak)
        writer.key("stack_limit")
        if sample.stackLimitBytes == .max { writer.value(-1) } else { writer.value(sample.stackLimitBytes) }
        writer.key("kinds")
        if let totals = sample.kinds {
            writer.beginObject()
            for kind in kinds {
                writer.key(kind.staticName)
                writer.value(totals[kind])
            }
            writer.endObject()
        } else {
            writer.null()
        }
        writer.key("consistent")
        writer.value(sample.isConsistent)
        writer.endObject()
    }

    package init(json: JSONObject) throws(RecordError) {
        guard let time = Timestamp(rfc3339Written: try json.string("time")) else {
            throw RecordError(field: "time")
        }
        pid = try json.optional("pid", JSONObject.integer).flatMap { Int32(exactly: $0) }
        sample = Sample(time: time, pid: pid ?? 0)
        sample.vmSizeBytes = try json.optional("vm_size", JSONObject.unsigned)
        sample.rssBytes = try json.optional("rss", JSONObject.unsigned)
        sample.rssAnonBytes = try json.optional("rss_anon", JSONObject.unsigned)
        sample.rssFileBytes = try json.optional("rss_file", JSONObject.unsigned)
        sample.rssShmemBytes = try json.optional("rss_shmem", JSONObject.unsigned)
        sample.swapBytes = try json.optional("swap", JSONObject.unsigned)
        sample.pageTablesBytes = try json.optional("page_tables", JSONObject.unsigned)
        sample.threads = try json.optional("threads", JSONObject.unsigned).flatMap { UInt32(exactly: $0) }
        sample.regionCount = try json.optional("regions", JSONObject.unsigned).flatMap { UInt32(exactly: $0) }
        sample.programBreak = try json.optional("program_break", JSONObject.address)
        let limit = try json.optional("stack_limit", JSONObject.integer)
        sample.stackLimitBytes = limit.map { $0 < 0 ? .max : UInt64($0) }
        sample.isConsistent = try json.bool("consistent")
        kinds = []
        if let members = json["kinds"]?.objectValue {
            var totals = KindTotals()
            for (name, value) in members {
                guard let kind = RegionKind(name: name), let bytes = value.integerValue,
                    let bytes = UInt64(exactly: bytes)
                else { throw RecordError(field: "kinds") }
                totals[kind] = bytes
                kinds.append(kind)
            }
            sample.kinds = totals
        }
    }
}
