import MemoryModel

/// What is known of the filesystem that a device number in maps stands for.
enum Filesystem {
    /// The kernel's own shmem mount.
    case internalShmem
    case hugetlbfs
    case tmpfs
    case devtmpfs
    /// proc, sysfs and others whose files are the kernel's words, not stored bytes.
    case kernelFiles
    /// Any other mounted filesystem.
    case mounted
    /// In no mount table, without a disk (major 0): the kernel's own, if the name agrees; or a
    /// filesystem like btrfs and overlayfs, which number in maps differently than in mountinfo.
    case unlisted

    init(of device: DeviceNumber, _ evidence: ProcessEvidence) {
        // A hugetlb device first: internal or mounted, it is all the same kind.
        if evidence.internalDevices.hugetlb.contains(device) {
            self = .hugetlbfs
        } else if evidence.internalDevices.shmem == device {
            self = .internalShmem
        } else if let type = evidence.mountTypes[device] {
            switch type {
            case "hugetlbfs": self = .hugetlbfs
            case "tmpfs": self = .tmpfs
            case "devtmpfs": self = .devtmpfs
            case "proc", "sysfs", "debugfs", "tracefs", "securityfs", "configfs", "cgroup", "cgroup2",
                "bpf", "binder", "devpts":
                self = .kernelFiles
            default: self = .mounted
            }
        } else {
            self = device.major == 0 ? .unlisted : .mounted
        }
    }

    /// Whether a name that only the kernel's own mounts use may be believed here.
    var mayBeInternal: Bool { self == .internalShmem || self == .unlisted }
}

/// The filesystem of each area in turn. Neighbours mostly share one, or two take turns (a file beside
/// shared memory), so the last two answers are kept: each new one costs string comparisons.
struct FilesystemLookup {
    private typealias Answer = (device: DeviceNumber, filesystem: Filesystem)

    private let evidence: ProcessEvidence
    private var last: Answer?
    private var lastButOne: Answer?

    init(_ evidence: ProcessEvidence) { self.evidence = evidence }

    mutating func callAsFunction(_ device: DeviceNumber) -> Filesystem {
        if let last, last.device.rawValue == device.rawValue { return last.filesystem }
        let answer =
            if let lastButOne, lastButOne.device.rawValue == device.rawValue {
                lastButOne
            } else {
                (device: device, filesystem: Filesystem(of: device, evidence))
            }
        lastButOne = last
        last = answer
        return answer.filesystem
    }
}
