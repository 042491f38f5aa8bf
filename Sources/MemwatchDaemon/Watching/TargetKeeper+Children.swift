import Glibc
import MemoryModel
import ProcFS
import Tracing

// Children that the kernel reported: watched from their first instant.
extension TargetKeeper {
    /// Takes them up as they come, until the tracer ends.
    package func followChildren() async {
        for await child in tracer.newChildren { await take(child) }
    }

    /// Asks the rules about every process that executes a program, until the daemon ends.
    package func followExecs(_ execs: AsyncStream<Int32>) async {
        for await pid in execs {
            guard hasRulesByName, let process = await describe(pid),
                let options = options(for: process, childOf: nil)
            else { continue }
            await adopt(process, options)
        }
    }

    private func take(_ newChild: NewChild) async {
        let child = await tracer.withParent(newChild)
        guard let parent = child.parent, await tracer.count < configuration.access.maximumTargets else {
            return await tracer.refuse(child, isLost: true)
        }
        guard let candidate = child.candidate else { return await tell(ended: child, of: parent) }
        guard let wanted = options(for: candidate.description, childOf: parent) else {
            return await tracer.refuse(child, isLost: false)
        }
        let options = await withinQuota(wanted)
        if options.isEmpty { return await tracer.refuse(child, isLost: true) }
        _ = await begin(candidate, options, bornAs: child)
    }

    /// A process that ended before it could be opened: its records are all there is, and enough.
    private func tell(ended child: NewChild, of parent: TargetSnapshot) async {
        let process = description(of: child, like: parent)
        let reader = await recorder.reader(of: parent.description.identity)
        // It may have become another user's by a setuid exec; who could have read it cannot be told any
        // more. What a daemon without privilege gets to know of is its own user's anyway.
        let isOwn = !Privileges.seesOtherUsers && reader?.uid == geteuid()
        let known = isOwn ? reader ?? .nobody : HistoryReader.nobody
        let entry = await recorder.register(
            process, attached: child.forked, reader: known, rule: Self.childRule(of: parent),
            parent: parent.description.identity.pid, share: parent.options.share)
        await recorder.begin(
            Recorder.Known(
                description: process, attached: child.forked, reader: known, row: entry.row))
        await tracer.tell(ended: child, as: process)
    }

    private func description(of child: NewChild, like parent: TargetSnapshot) -> ProcessDescription {
        // What /proc/[pid]/stat would have said, as near as the fork's time tells it: ticks of 10 ms.
        let ticks = child.forkedAt / 10_000_000
        // Several processes of one pid may have lived within such a tick. Instead of the pidfd's inode, which
        // nobody has seen, the fork's nanosecond tells them apart; no inode has the highest bit.
        let mark = UInt64(clamping: child.forkedAt) | 1 << 63
        var process = ProcessDescription(
            identity: ProcessIdentity(
                bootID: parent.description.identity.bootID, pid: child.pid,
                startTicks: UInt64(clamping: ticks),
                pidfdInode: mark),
            comm: parent.description.comm)
        process.exe = parent.description.exe
        process.uid = parent.description.uid
        process.gid = parent.description.gid
        process.unit = parent.description.unit
        process.cgroup = parent.description.cgroup
        process.started = child.forked
        return process
    }
}
