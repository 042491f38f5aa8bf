import Inspection
import MemoryModel
import MemwatchInterface
import ProcFS
import Varlink

/// Reads a process's regions for a drawing: from /proc, or from a daemon that may look where this user may not.
struct AddressSpaceReader {
    /// What was read, and whether it can be relied on.
    struct Found {
        var space: AddressSpace
        var isTruncated = false
        var isConsistent = true

        /// On standard error, as far as there is something to say.
        func tellDoubts(command: String) {
            if isTruncated {
                Diagnostics.line(
                    command: command,
                    "there is more than 16 MiB of maps text, and memwatch reads no more: this is the lower part"
                )
            } else if !isConsistent {
                Diagnostics.line(
                    command: command,
                    "the process changed while it was read: sizes may not add up, try again")
            }
        }
    }

    let pid: Int32
    var countsResident = false
    let endpoint: Endpoint

    func read() throws(Failure) -> Found {
        let denial: Failure
        do throws(ProcError) { return try inspect() } catch {
            denial = Failure(error)
            guard denial.status == .noPermission, endpoint.exists else { throw denial }
        }
        do throws(Failure) { return try ask() } catch {
            // Where it cannot be asked, what stood in the way first is what there is to say.
            throw error.status == .unavailable ? denial : error
        }
    }

    private func inspect() throws(ProcError) -> Found {
        let comm = try? ProcRoot().open(pid: pid).stat().comm
        let inspection = try ProcessInspector().inspect(pid: pid, countsResident: countsResident)
        var regions: [RegionRecord] = []
        regions.reserveCapacity(inspection.regions.count)
        for (index, region) in inspection.regions.enumerated() {
            var record = RegionRecord(region, path: inspection.paths.bytes(of: region.path))
            if let resident = inspection.resident { record.setResident(resident[index]) }
            regions.append(record)
        }
        let sample = inspection.sample
        let space = AddressSpace(
            pid: pid, comm: comm.map { PrintableText.jsonText($0) }, regions: regions,
            vmSize: sample.vmSizeBytes,
            rss: sample.rssBytes, programBreak: sample.programBreak, stackLimit: sample.stackLimitBytes)
        return Found(
            space: space, isTruncated: inspection.isTruncated, isConsistent: sample.isConsistent)
    }

    private func ask() throws(Failure) -> Found {
        var parameters: JSONObject = ["pid": .integer(Int64(pid))]
        if countsResident { parameters["resident"] = .bool(true) }
        var found = Found(space: AddressSpace(pid: pid, regions: []))
        try Daemon.connect(endpoint).stream(.regions, parameters) { (reply) throws(Failure) in
            if reply["truncated"]?.boolValue == true { found.isTruncated = true }
            if reply["consistent"]?.boolValue == false { found.isConsistent = false }
            try reply.forEachRecord(in: "regions") { (bytes) throws(Failure) in
                found.space.regions.append(try RecordPrinter<RegionRecord>.read(bytes))
            }
        }
        let mapped = found.space.regions.lazy.filter { !$0.isOutsideVmSize }
        found.space.vmSize = mapped.reduce(0) { $0 &+ $1.size }
        found.space.programBreak = mapped.last { $0.kind == .heap }?.end
        return found
    }
}
