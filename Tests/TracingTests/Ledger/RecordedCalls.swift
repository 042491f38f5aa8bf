import KernelEvents
import MemoryModel

/// Records of Linux 6.18 (x86_64, glibc 2.36), as a C program and `/bin/true` left them: microseconds, tid,
/// range, permissions, offset (hexadecimal), device, inode, name.
enum RecordedCalls {
    static let mapProtectUnmapMap = """
        124 1848 7ffbb95ef000-7ffbb95ff000 rw-p 7ffbb95ef000 0:0 0 //anon
        144 1848 7ffbb95f3000-7ffbb95f7000 r--p 7ffbb95f3000 0:0 0 //anon
        158 1848 7ffbb95ef000-7ffbb95ff000 rw-p 7ffbb95ef000 0:0 0 //anon
        179 1848 7ffbb95ef000-7ffbb95ff000 rw-p 7ffbb95ef000 0:0 0 //anon
        """

    static let sharedOverMoved = """
        303 1848 7ffbb95ef000-7ffbb95ff000 rw-s 0 0:1 22383 /dev/zero (deleted)
        """

    /// sbrk of +4096, +4096, −4096, +8192, −8192 and +8192 from an empty heap.
    static let breaks = """
        230 1848 55ecbad82000-55ecbad83000 rw-p 55ecbad82000 0:0 0 //anon
        241 1848 55ecbad82000-55ecbad84000 rw-p 55ecbad82000 0:0 0 [heap]
        257 1848 55ecbad82000-55ecbad85000 rw-p 55ecbad82000 0:0 0 [heap]
        273 1848 55ecbad82000-55ecbad85000 rw-p 55ecbad82000 0:0 0 [heap]
        """

    static let stack = """
        406 1848 7fff3d8db000-7fff3d90c000 rw-p 7ffffffce000 0:0 0 [stack]
        412 1848 7fff3d8cb000-7fff3d90c000 rw-p 7ffffffbe000 0:0 0 [stack]
        418 1848 7fff3d8bb000-7fff3d90c000 rw-p 7ffffffae000 0:0 0 [stack]
        """

    /// pthread_create: the stack with its guard, and what malloc took for the thread's descriptor.
    static let thread = """
        456 1848 7ffbb8dbe000-7ffbb95bf000 ---p 7ffbb8dbe000 0:0 0 //anon
        465 1848 7ffbb8dbf000-7ffbb95bf000 rw-p 7ffbb8dbf000 0:0 0 //anon
        """

    /// execve of /bin/true, from the exec to the last thing the kernel maps.
    static let exec = """
        1903 1850 exec true
        1921 1850 7ffd260c8000-7ffd260e9000 rw-p 7ffffffde000 0:0 0 [stack]
        1928 1850 556a96ef6000-556a96f00000 r--p 0 254:0 254734 /usr/bin/true
        1936 1850 556a96ef8000-556a96efc000 r-xp 2000 254:0 254734 /usr/bin/true
        1940 1850 556a96efc000-556a96efe000 r--p 6000 254:0 254734 /usr/bin/true
        1943 1850 556a96efe000-556a96f00000 rw-p 7000 254:0 254734 /usr/bin/true
        2524 1850 7f0c0be5c000-7f0c0be91000 r--p 0 254:0 332717 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
        2533 1850 7f0c0be5d000-7f0c0be83000 r-xp 1000 254:0 332717 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
        2537 1850 7f0c0be83000-7f0c0be8d000 r--p 27000 254:0 332717 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
        2541 1850 7f0c0be8d000-7f0c0be91000 rw-p 31000 254:0 332717 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
        2556 1850 7f0c0be5a000-7f0c0be5c000 r-xp 0 0:0 0 [vdso]
        2559 1850 7f0c0be54000-7f0c0be58000 r--p 0 0:0 0 [vvar]
        2561 1850 7f0c0be58000-7f0c0be5a000 r--p 0 0:0 0 [vvar_vclock]
        """

    /// The dynamic loader's work: its own memory, the cache of names, libc, its bss, TLS, and RELRO.
    static let loading = """
        2895 1850 7f0c0be52000-7f0c0be54000 rw-p 7f0c0be52000 0:0 0 //anon
        2950 1850 7f0c0be49000-7f0c0be52000 r--p 0 254:0 728 /etc/ld.so.cache
        2989 1850 7f0c0bc67000-7f0c0be49000 r--p 0 254:0 333151 /usr/lib/x86_64-linux-gnu/libc.so.6
        3002 1850 7f0c0bc8d000-7f0c0bde3000 r-xp 26000 254:0 333151 /usr/lib/x86_64-linux-gnu/libc.so.6
        3013 1850 7f0c0bde3000-7f0c0be49000 r--p 17c000 254:0 333151 /usr/lib/x86_64-linux-gnu/libc.so.6
        3021 1850 7f0c0be36000-7f0c0be3c000 rw-p 1cf000 254:0 333151 /usr/lib/x86_64-linux-gnu/libc.so.6
        3034 1850 7f0c0be3c000-7f0c0be49000 rw-p 7f0c0be3c000 0:0 0 //anon
        3079 1850 7f0c0bc64000-7f0c0bc67000 rw-p 7f0c0bc64000 0:0 0 //anon
        3207 1850 7f0c0be36000-7f0c0be3a000 r--p 1cf000 254:0 333151 /usr/lib/x86_64-linux-gnu/libc.so.6
        3222 1850 556a96efe000-556a96eff000 r--p 7000 254:0 254734 /usr/bin/true
        3245 1850 7f0c0be8d000-7f0c0be8f000 r--p 31000 254:0 332717 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
        """

    static func records(_ text: String) -> [KernelRecord] {
        text.split(separator: "\n").compactMap { record($0) }
    }

    private static func record(_ line: Substring) -> KernelRecord? {
        let words = line.split(separator: " ", maxSplits: 7, omittingEmptySubsequences: true)
        guard words.count > 3, let time = Int64(words[0]), let tid = Int32(words[1]) else { return nil }
        if words[2] == "exec" {
            return KernelRecord(nanoseconds: time * 1_000, tid: tid, .exec(comm: Array(words[3].utf8)))
        }
        let range = words[2].split(separator: "-").compactMap { UInt64($0, radix: 16) }
        let device = words[5].split(separator: ":").compactMap { UInt32($0) }
        guard words.count == 8, range.count == 2, device.count == 2, let offset = UInt64(words[4], radix: 16),
            let inode = UInt64(words[6])
        else { return nil }
        var permissions: Permissions = []
        if words[3].contains("r") { permissions.insert(.read) }
        if words[3].contains("w") { permissions.insert(.write) }
        if words[3].contains("x") { permissions.insert(.execute) }
        if words[3].contains("s") { permissions.insert(.shared) }
        let name: MappingRecord.Name =
            switch words[7] {
            case "//anon": .anonymous
            case "[heap]": .heap
            case "[stack]": .stack
            default: words[7].first == "[" ? .kernel(Array(words[7].utf8)) : .file(Array(words[7].utf8))
            }
        return KernelRecord(
            nanoseconds: time * 1_000, tid: tid,
            .mapping(
                MappingRecord(
                    start: range[0], end: range[1], permissions: permissions, offset: offset,
                    device: DeviceNumber(major: device[0], minor: device[1]), inode: inode, name: name)))
    }
}
