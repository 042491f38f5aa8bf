import MemoryModel
import Tracing

/// What the last looks found, as metrics. Targets are labelled by pid, name and, where they have one, unit.
enum TargetMetrics {
    /// So many targets at most have series of their own: each has some twenty, and a monitoring system keeps every one of
    /// them for as long as it keeps anything. The largest come first.
    static let limit = 500

    static func families(_ snapshots: [TargetSnapshot]) -> [MetricFamily] {
        let looked = snapshots.filter { $0.lastSample != nil }
        let shown = looked.sorted { a, b in
            (b.lastSample?.vmSizeBytes ?? 0, a.id) < (a.lastSample?.vmSizeBytes ?? 0, b.id)
        }.prefix(limit)
        var regionBytes = MetricFamily(
            "memwatch_region_bytes", .gauge, unit: "bytes",
            "Address space by where it came from (kind and origin).")
        var families = fields.map { MetricFamily($0.name, .gauge, unit: $0.unit, $0.help) }
        for snapshot in shown {
            guard let sample = snapshot.lastSample else { continue }
            let labels = labels(snapshot)
            for (index, field) in fields.enumerated() { families[index].add(field.value(sample), labels) }
            guard let totals = sample.kinds else { continue }
            for kind in RegionKind.allCases where totals[kind] > 0 {
                regionBytes.add(
                    totals[kind], labels + [("kind", kind.name), ("origin", kind.origin.rawValue)])
            }
        }
        return [regionBytes] + families + [
            MetricFamily(
                "memwatch_targets_without_series", .gauge,
                "Watched processes that are left out here, because there are more than \(limit).",
                looked.count - shown.count)
        ]
    }

    private struct Field {
        var name: String
        var unit: String?
        var help: String
        var value: (Sample) -> UInt64?
    }

    private static var fields: [Field] {
        [
            Field(name: "memwatch_virtual_memory_bytes", unit: "bytes", help: "Address space (VmSize).") {
                $0.vmSizeBytes
            },
            Field(name: "memwatch_resident_memory_bytes", unit: "bytes", help: "In memory (VmRSS).") {
                $0.rssBytes
            },
            Field(
                name: "memwatch_resident_anon_bytes", unit: "bytes", help: "In memory, anonymous (RssAnon)."
            ) {
                $0.rssAnonBytes
            },
            Field(name: "memwatch_resident_file_bytes", unit: "bytes", help: "In memory, of files (RssFile).")
            {
                $0.rssFileBytes
            },
            Field(name: "memwatch_resident_shmem_bytes", unit: "bytes", help: "In memory, shared (RssShmem).")
            {
                $0.rssShmemBytes
            },
            Field(name: "memwatch_swap_bytes", unit: "bytes", help: "In swap (VmSwap).") { $0.swapBytes },
            Field(name: "memwatch_page_tables_bytes", unit: "bytes", help: "Page tables (VmPTE).") {
                $0.pageTablesBytes
            },
            Field(name: "memwatch_threads", help: "Threads.") { $0.threads.map { UInt64($0) } },
            Field(name: "memwatch_regions", help: "Regions of the address space.") {
                $0.regionCount.map { UInt64($0) }
            },
            Field(
                name: "memwatch_stack_limit_bytes", unit: "bytes",
                help: "Soft limit of the stack, where there is one."
            ) {
                $0.stackLimitBytes == .max ? nil : $0.stackLimitBytes
            },
        ]
    }

    /// Names are written out: a label is text in UTF-8, and processes call themselves anything.
    private static func labels(_ snapshot: TargetSnapshot) -> [(name: String, value: String)] {
        let description = snapshot.description
        var labels = [
            (name: "pid", value: "\(description.identity.pid)"),
            (name: "comm", value: PrintableText.escape(description.comm)),
        ]
        if let unit = description.unit { labels.append(("unit", PrintableText.escape(unit))) }
        return labels
    }
}
