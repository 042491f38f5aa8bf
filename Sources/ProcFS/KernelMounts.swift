import CLinux
package import MemoryModel

/// The mounts the kernel keeps for itself and shows in no mount table.
///
/// Found by making one empty memfd of each sort and asking where it lives. The kernel is the same for
/// every process of the machine, whatever namespaces it is in, so one answer serves all.
package enum KernelMounts {
    /// The shmem mount: memfd, System V and shared anonymous memory (Linux 3.17 for the memfd).
    package static let sharedMemory = device(flags: 1)

    /// The hugetlbfs mounts, one for each huge page size the kernel has (64 KiB … 16 GiB are possible;
    /// MFD_HUGETLB since Linux 4.14). An empty file reserves no page.
    package static let hugetlb: [DeviceNumber] = (UInt32(16)...34).compactMap { log2 in
        device(flags: 1 | 4 | log2 << 26)
    }

    private static func device(flags: UInt32) -> DeviceNumber? {
        let device = clinux_memfd_device(flags)
        guard device != 0 else { return nil }
        return DeviceNumber(major: clinux_device_major(device), minor: clinux_device_minor(device))
    }
}
