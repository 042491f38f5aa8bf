import MemoryModel
import Testing

@Suite("shared memory, huge pages, devices and files")
struct FileRuleTests {
    private let shmem = DeviceNumber(major: 0, minor: 1)
    private let tmpfs = DeviceNumber(major: 0, minor: 0x20)

    private func kind(_ permissions: String, _ device: String, _ name: String, inode: Int = 9) -> String {
        Drawing("7f0000000000-7f0000001000 \(permissions) 00000000 \(device) \(inode) \(name)")
            .shmem(shmem).mount(tmpfs, "tmpfs").mount(DeviceNumber(major: 0, minor: 0x30), "hugetlbfs")
            .mount(DeviceNumber(major: 0, minor: 6), "devtmpfs").mount(
                DeviceNumber(major: 0, minor: 0x15), "sysfs"
            )
            .mount(DeviceNumber(major: 8, minor: 1), "ext4").names()[0]
    }

    @Test(
        "what lies on the kernel's own shmem is shared",
        arguments: [
            "/dev/zero (deleted)", "/memfd:x (deleted)", "/memfd:[vdso] (deleted)", "/SYSV00000000 (deleted)",
            "[anon_shmem:x]",
        ])
    func shared(name: String) {
        #expect(kind("rw-s", "00:01", name) == "shared")
        // Where the device is not known, the name decides: unless a disk is behind it.
        #expect(Drawing("1000-2000 rw-s 00000000 00:01 9 \(name)").names() == ["shared"])
        #expect(kind("rw-s", "08:01", name) != "shared")
    }

    @Test("on the kernel's own shmem the name does not matter")
    func unknownName() {
        #expect(kind("rw-s", "00:01", "/whatever a later kernel calls it (deleted)") == "shared")
        #expect(kind("rw-s", "00:21", "/whatever a later kernel calls it (deleted)") == "file")
    }

    @Test("POSIX shared memory is shared, a private copy of it a file, a tmpfs elsewhere too")
    func posix() {
        #expect(kind("rw-s", "00:20", "/dev/shm/x") == "shared")
        #expect(kind("rw-p", "00:20", "/dev/shm/x") == "file")
        #expect(kind("rw-s", "00:20", "/run/x") == "file")
        #expect(kind("rw-s", "08:01", "/dev/shm/x") == "file")
    }

    @Test("huge pages are told by their filesystem")
    func hugetlb() {
        #expect(kind("rw-p", "00:30", "/anon_hugepage (deleted)") == "hugetlb")
        #expect(kind("rw-s", "00:30", "/mnt/huge/x") == "hugetlb")
        #expect(kind("rw-p", "00:2f", "/anon_hugepage (deleted)") == "hugetlb")
        #expect(kind("rw-p", "08:01", "/anon_hugepage (deleted)") == "file")
    }

    @Test(
        "devices and the kernel's rings",
        arguments: [
            ("rw-s", "00:06", "/dev/dri/card0"), ("rw-p", "00:06", "/dev/mem"),
            ("rw-s", "00:20", "/dev/nvidia0"),
            ("rw-s", "00:0e", "anon_inode:[io_uring]"), ("rw-s", "00:0e", "anon_inode:kvm-vcpu:0"),
            ("rw-s", "00:0f", "/[aio] (deleted)"), ("rw-s", "00:09", "socket:[123]"),
            ("rw-s", "00:0d", "/dmabuf:x"),
            ("rw-s", "00:15", "/sys/devices/pci0000:00/resource0"),
        ])
    func devices(permissions: String, device: String, name: String) {
        #expect(kind(permissions, device, name) == "device")
    }

    @Test("graphics buffers are a device's, though they live on shmem")
    func graphics() { #expect(kind("rw-s", "00:01", "/drm mm object (deleted)") == "device") }

    @Test("/dev/zero is a way to get anonymous memory")
    func zero() {
        #expect(kind("rw-p", "00:06", "/dev/zero") == "anon")
        #expect(kind("---p", "00:06", "/dev/zero") == "reserved")
        #expect(kind("rw-s", "00:01", "/dev/zero (deleted)") == "shared")
    }

    @Test(
        "everything else with an inode is a file",
        arguments: [
            "/usr/lib/locale/x", "/memfd", "/SYS", "/home/dev/zero", "/x (deleted)", "/anon_inode:[x]",
            "/devices/x",
        ])
    func files(name: String) {
        #expect(kind("r--p", "08:01", name) == "file")
        #expect(kind("rw-s", "08:01", name) == "file")
    }

    @Test("a filesystem may number an inode 0: a device makes it a file")
    func inodeZero() { #expect(kind("r--p", "08:01", "/x", inode: 0) == "file") }
}
