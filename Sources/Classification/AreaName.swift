import MemoryModel

/// What the text at the end of a maps line can mean. Decided once per distinct name, not per area.
///
/// A name proves nothing alone: the rules ask for inode 0, or for the right device, beside it.
enum AreaName: UInt8 {
    case none
    /// `[heap]`, by the kernel: the area touches [start_brk, brk).
    case heap
    /// `[stack]`, by the kernel: the area contains start_stack.
    case stack
    /// Any other bracketed text that prctl cannot give: `[vdso]`, `[vvar]`, `[vsyscall]`,
    /// `[uprobes]`, `[sigpage]`, `[vectors]` and what later kernels bring.
    case kernel
    /// `[anon:NAME]`, given by the program (PR_SET_VMA_ANON_NAME, Linux 5.17).
    case named
    /// `[anon: glibc: malloc arena]` (glibc 2.39 with `glibc.mem.decorate_maps`).
    case namedArena
    /// `[anon: glibc: pthread stack: TID]`, and bionic's `[anon:stack_and_tls:TID]`.
    case namedThreadStack
    /// `/memfd:NAME (deleted)`
    case memfd
    /// `/dev/zero (deleted)`: shared anonymous memory; and `[anon_shmem:NAME]`, the same with a name.
    case sharedAnonymous
    /// `/SYSV00001234 (deleted)`
    case systemV
    /// `/secretmem (deleted)` (memfd_secret, Linux 5.14)
    case secret
    /// `/drm mm object (deleted)`, `/i915 (deleted)`: graphics buffers, which live on shmem.
    case graphics
    /// `/anon_hugepage (deleted)`
    case hugePages
    /// `/[aio] (deleted)`, `/dmabuf:NAME`
    case pseudoDevice
    /// `anon_inode:[io_uring]`, `socket:[1234]`: no path at all, so no file.
    case pathless
    /// `/dev/zero`
    case zero
    /// `/dev/shm/…`
    case posixShared
    /// `/dev/…`
    case device
    /// `/proc/…`, `/sys/…`
    case kernelFile
    /// Any other file.
    case file

    init(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first else {
            self = .none
            return
        }
        switch first {
        case UInt8(ascii: "["): self = Self.bracketed(bytes)
        case UInt8(ascii: "/"): self = Self.absolute(bytes)
        default: self = .pathless
        }
    }

    /// The name of one area, of all the names of a ``PathTable``.
    init(_ path: PathID, _ names: UnsafeRawBufferPointer, _ ends: UnsafeBufferPointer<UInt32>) {
        let index = Int(path.rawValue)
        guard index > 0, index < ends.count else {
            self = .none
            return
        }
        self.init(UnsafeRawBufferPointer(rebasing: names[Int(ends[index - 1])..<Int(ends[index])]))
    }

    private static func bracketed(_ bytes: UnsafeRawBufferPointer) -> AreaName {
        if bytes.equals("[heap]") { return .heap }
        if bytes.equals("[stack]") { return .stack }
        if bytes.starts("[anon_shmem:") { return .sharedAnonymous }
        if bytes.starts("[anon:") {
            if bytes.starts("[anon: glibc: malloc arena") { return .namedArena }
            if bytes.starts("[anon: glibc: pthread stack") { return .namedThreadStack }
            if bytes.starts("[anon:stack_and_tls:") { return .namedThreadStack }
            return .named
        }
        return .kernel
    }

    private static func absolute(_ bytes: UnsafeRawBufferPointer) -> AreaName {
        // Most begin with /usr, /lib, /home or /var.
        guard bytes.count > 1 else { return .file }
        switch bytes[1] {
        case UInt8(ascii: "d"), UInt8(ascii: "p"), UInt8(ascii: "s"), UInt8(ascii: "m"), UInt8(ascii: "S"),
            UInt8(ascii: "["), UInt8(ascii: "a"), UInt8(ascii: "i"):
            break
        default: return .file
        }
        if bytes.starts("/dev/") {
            if bytes.equals("/dev/zero") { return .zero }
            if bytes.equals("/dev/zero (deleted)") { return .sharedAnonymous }
            return bytes.starts("/dev/shm/") ? .posixShared : .device
        }
        if bytes.starts("/proc/") || bytes.starts("/sys/") { return .kernelFile }
        if bytes.starts("/memfd:") { return .memfd }
        if bytes.starts("/SYSV") { return .systemV }
        if bytes.starts("/dmabuf") || bytes.starts("/[aio]") { return .pseudoDevice }
        if bytes.starts("/anon_hugepage") { return .hugePages }
        if bytes.starts("/secretmem") { return .secret }
        if bytes.starts("/drm mm object") || bytes.starts("/i915") { return .graphics }
        return .file
    }

    /// The number behind the last `:` of a thread stack's name; 0 where there is none.
    static func threadID(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else { return 0 }
        var value: Int32 = 0
        for byte in bytes[(colon + 1)...] {
            if byte == UInt8(ascii: " ") { continue }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { break }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (next, carry) = scaled.addingReportingOverflow(Int32(byte &- UInt8(ascii: "0")))
            if overflow || carry { return 0 }
            value = next
        }
        return value
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && starts(text)
    }

    fileprivate func starts(_ text: StaticString) -> Bool {
        guard count >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount where self[index] != text.utf8Start[index] { return false }
        return true
    }
}
