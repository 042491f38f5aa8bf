import MemoryModel
import ProcFS

/// What distinguishes one program image of a process from the next: exec(2) keeps the pid, the start
/// time and the pidfd, and the kernel counts execs where nobody can read it.
///
/// The addresses of code, stack and heap are random for every image. Where they are hidden (no
/// ptrace access) the vdso's address is as good; without randomisation and with the same program and
/// environment two images cannot be told apart, but then their maps are the same too.
struct ImageMark: Hashable, Sendable {
    private var startCode: UInt64?
    private var startStack: UInt64?
    private var startBrk: UInt64?
    private var vdso: UInt64?

    init(_ stat: ProcessStat, _ maps: MapsLook) {
        startCode = stat.startCode
        startStack = stat.startStack
        startBrk = stat.startBrk
        let name: StaticString = "[vdso]"
        let bytes = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        if let id = maps.paths.find(bytes) {
            for area in maps.areas where area.path.rawValue == id.rawValue && area.inode == 0 {
                vdso = area.start
                break
            }
        }
    }

    /// Goes by what both show: addresses that become hidden (a process that gives up being
    /// dumpable) are no sign of an exec.
    func isAnotherImage(than other: ImageMark) -> Bool {
        Self.differ(startCode, other.startCode) || Self.differ(startStack, other.startStack)
            || Self.differ(startBrk, other.startBrk) || Self.differ(vdso, other.vdso)
    }

    private static func differ(_ a: UInt64?, _ b: UInt64?) -> Bool {
        guard let a, let b else { return false }
        return a != b
    }
}
