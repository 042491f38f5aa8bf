package import MemoryModel
package import ProcFS

extension Sample {
    /// Takes over what `/proc/[pid]/status` says of memory and threads, everything but VmSize: that
    /// comes from statm, which is read together with maps.
    package mutating func read(_ status: ProcessStatus) {
        rssBytes = status.rssBytes
        rssAnonBytes = status.rssAnonBytes
        rssFileBytes = status.rssFileBytes
        rssShmemBytes = status.rssShmemBytes
        swapBytes = status.swapBytes
        pageTablesBytes = status.pageTablesBytes
        threads = status.threads
    }
}
