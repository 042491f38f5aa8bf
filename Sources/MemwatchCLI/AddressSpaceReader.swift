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
        var doubts = LookDoubts()
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
        let sample = inspection.sample
        let space = AddressSpace(
            pid: pid, comm: comm.map { PrintableText.jsonText($0) }, regions: Array(inspection.records),
            vmSize: sample.vmSizeBytes,
            rss: sample.rssBytes, programBreak: sample.programBreak, stackLimit: sample.stackLimitBytes)
        return Found(space: space, doubts: LookDoubts(inspection))
    }

    private func ask() throws(Failure) -> Found {
        var parameters: JSONObject = ["pid": .integer(Int64(pid))]
        if countsResident { parameters["resident"] = .bool(true) }
        var found = Found(space: AddressSpace(pid: pid, regions: []))
        try Daemon.connect(endpoint).stream(.regions, parameters) { (reply) throws(Failure) in
            found.doubts.take(reply)
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
