import ArgumentParser
import Inspection
import MemoryModel
import MemwatchInterface
import ProcFS
import Varlink

struct RegionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "regions",
        abstract: "Shows what a process's address space is made of.",
        discussion: """
            Reads /proc itself and needs no daemon, unless it may not read that process or --at asks \
            for the past: then it asks the daemon.
            """)

    @Argument(help: ArgumentHelp("The process.", valueName: "pid"))
    var pid: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The address space as it was at that time.", valueName: "time"))
    var at: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "With --at: the process of that pid that started at this time; else the newest.",
            valueName: "time"))
    var start: String?

    @Option(help: ArgumentHelp("Only these kinds: heap,anon.", valueName: "kind,..."))
    var kind: [String] = []

    @Flag(
        help: ArgumentHelp(
            "Also how much of each region is in memory.",
            discussion: "Takes about 1.5 s for 4 GB, to leave the process 98 % of its time."))
    var resident = false

    @Flag(help: "One row per kind instead of one per region.")
    var summary = false

    @OptionGroup var format: FormatOption
    @OptionGroup var daemon: SocketOption

    func run() throws {
        let pid = try ArgumentText.pid(pid)
        let kinds = try ArgumentText.kinds(kind)
        let now = Timestamp.now
        let at = try ArgumentText.time(at, option: "--at", now: now)
        let start = try ArgumentText.time(start, option: "--start", now: now)
        let endpoint = try daemon.endpoint()
        if start != nil, at == nil {
            throw Failure.usage("--start chooses among past processes: say --at, which time is meant")
        }
        if resident, at != nil || summary {
            throw Failure.usage(
                "--resident tells what is in memory now, region by region: not with "
                    + (summary ? "--summary" : "--at"))
        }
        var denial: Failure?
        if at == nil {
            switch inspect(pid) {
            case .success(let inspection): return try show(inspection, kinds: kinds)
            // There may be a daemon that may look: it knows who asks, and decides.
            case .failure(let failure) where failure.status == .noPermission && endpoint.exists:
                denial = failure
            case .failure(let failure): throw failure
            }
        }
        var parameters: JSONObject = ["pid": .integer(Int64(pid))]
        parameters.set("at", at?.rfc3339)
        parameters.set("start", start?.rfc3339)
        parameters.set("kinds", kinds?.map(\.name))
        if resident { parameters["resident"] = .bool(true) }
        do throws(Failure) { try ask(endpoint, parameters) } catch {
            // Where it cannot be asked, what stood in the way first is what there is to say.
            throw error.status == .unavailable ? denial ?? error : error
        }
    }

    private func inspect(_ pid: Int32) -> Result<ProcessInspection, Failure> {
        do throws(ProcError) {
            return .success(try ProcessInspector().inspect(pid: pid, countsResident: resident))
        } catch {
            return .failure(Failure(error))
        }
    }

    private func show(_ inspection: ProcessInspection, kinds: [RegionKind]?) throws(Failure) {
        var report = RegionReport(summary: summary, resident: resident, format: format.format)
        for record in inspection.records where kinds?.contains(record.kind) ?? true { try report.add(record) }
        report.doubts = LookDoubts(inspection)
        try report.finish()
    }

    private func ask(_ endpoint: Endpoint, _ parameters: JSONObject) throws(Failure) {
        let (summary, resident, format) = (summary, resident, format.format)
        let daemon = try Daemon.connect(endpoint)
        var report = RegionReport(summary: summary, resident: resident, format: format)
        try daemon.stream(.regions, parameters) { (reply) throws(Failure) in
            report.doubts.take(reply)
            try reply.forEachRecord(in: "regions") { (bytes) throws(Failure) in
                try report.add(RecordPrinter<RegionRecord>.read(bytes))
            }
        }
        try report.finish()
    }
}

/// The regions of one process on their way out, one by one or summed up.
private struct RegionReport {
    private let output = Output()
    private let format: OutputFormat
    private var printer: RecordPrinter<RegionRecord>?
    private var collected: [RegionRecord] = []
    private var count: Int64 = 0
    private var size: UInt64 = 0
    private let hasResident: Bool
    private var resident: UInt64 = 0
    var doubts = LookDoubts()

    init(summary: Bool, resident: Bool, format: OutputFormat) {
        self.format = format
        hasResident = resident
        if summary { return }
        printer =
            resident
            ? RecordPrinter(
                format, layout: .residentRegions, csvColumns: RegionRecord.fields + ["resident"],
                output: output)
            : RecordPrinter(format, layout: .regions, output: output)
    }

    mutating func add(_ region: RegionRecord) throws(Failure) {
        if printer == nil { return collected.append(region) }
        if !region.isOutsideVmSize { size &+= region.size }
        resident &+= region.resident ?? 0
        count += 1
        try printer?.write(region)
    }

    func finish() throws(Failure) {
        if let printer {
            let sizes = [Cell.size(size)] + (hasResident ? [Cell.size(resident)] : [])
            try printer.total(["total"] + sizes + ["", "", count == 1 ? "1 region" : "\(count) regions"])
            try printer.finish()
        } else {
            try printSummary()
        }
        doubts.tell(command: "regions")
    }

    private func printSummary() throws(Failure) {
        var printer = RecordPrinter<KindSummary>(format, layout: .summary, output: output)
        let rows = KindSummary.of(collected)
        for row in rows { try printer.write(row) }
        let regions = rows.reduce(0) { $0 + $1.regions }
        let size = rows.reduce(UInt64(0)) { $0 &+ $1.size }
        try printer.total(["total", "", Cell.number(regions), Cell.size(size), size > 0 ? "100.0 %" : nil])
        try printer.finish()
    }
}
