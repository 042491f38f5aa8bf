/// Where a byte of address space came from, in the four ways a program gets
/// memory and the one the kernel adds of its own.
package enum RegionOrigin: String, Sendable, CaseIterable {
    /// The kernel or the dynamic loader mapped the program's image.
    case image
    /// The program moved its break (`brk`, `sbrk`).
    case brk
    /// The kernel grew the main thread's stack.
    case stack
    /// The program called `mmap`.
    case mmap
    /// The kernel put it there for its own interface.
    case kernel
}

/// What a region is. Every byte of a process's VmSize has exactly one kind, and
/// there is no kind "unknown": private anonymous memory that nothing names is ``anon``.
///
/// The raw value is stored in the history, so a case never changes its number.
package enum RegionKind: UInt8, Sendable, CaseIterable {
    /// Executable mapping of an ELF image: the program, its libraries, the loader.
    case text = 0
    /// Read-only mapping of such an image (RELRO too).
    case rodata = 1
    /// Writable private mapping of such an image.
    case data = 2
    /// The anonymous tail of an image's PT_LOAD segment (`p_memsz > p_filesz`).
    case bss = 3
    /// From `start_brk` to the program break.
    case heap = 4
    /// The main thread's stack.
    case stack = 5
    /// Private anonymous memory that nothing else names.
    case anon = 6
    /// The usable part of a secondary glibc malloc arena.
    case arena = 7
    /// Another thread's stack.
    case threadStack = 8
    /// The inaccessible pages at a stack's end.
    case guardPages = 9
    /// Other inaccessible (PROT_NONE) anonymous memory.
    case reserved = 10
    /// Executable anonymous memory.
    case jit = 11
    /// A file mapped as data.
    case file = 12
    /// memfd, POSIX and System V shared memory, shared anonymous memory.
    case shared = 13
    /// hugetlbfs pages.
    case hugetlb = 14
    /// A device, io_uring, other anon_inode mappings.
    case device = 15
    /// `[vdso]`, `[vvar…]`, `[vsyscall]`, `[uprobes]`.
    case vdso = 16

    /// The number of kinds, for arrays indexed by raw value.
    package static let count = 17

    /// The word users see: in tables, JSON, CSV, the journal and on the command line.
    package var name: String { staticName.description }

    /// ``name`` for writers that copy it without making a `String`.
    package var staticName: StaticString {
        switch self {
        case .text: "text"
        case .rodata: "rodata"
        case .data: "data"
        case .bss: "bss"
        case .heap: "heap"
        case .stack: "stack"
        case .anon: "anon"
        case .arena: "arena"
        case .threadStack: "thread-stack"
        case .guardPages: "guard"
        case .reserved: "reserved"
        case .jit: "jit"
        case .file: "file"
        case .shared: "shared"
        case .hugetlb: "hugetlb"
        case .device: "device"
        case .vdso: "vdso"
        }
    }

    /// The kind with the given ``name``, or nil.
    package init?(name: some StringProtocol) {
        guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = kind
    }

    package var origin: RegionOrigin {
        switch self {
        case .text, .rodata, .data, .bss: .image
        case .heap: .brk
        case .stack: .stack
        case .anon, .arena, .threadStack, .guardPages, .reserved, .jit, .file, .shared, .hugetlb, .device:
            .mmap
        case .vdso: .kernel
        }
    }
}
