import MemoryModel
import MemwatchInterface

/// What neighbouring regions have in common on a drawing: a library's four segments are one thing to the eye.
enum MapGroup: Int, CaseIterable {
    case text
    case rodata
    case data
    case bss
    case heap
    case libraries
    case anon
    case arenas
    case threadStacks
    case reserved
    case jit
    case files
    case shared
    case hugetlb
    case devices
    case stack
    case vdso

    /// - Parameter isProgram: Part of the program itself, not of a library.
    init(_ kind: RegionKind, isProgram: Bool) {
        self =
            switch kind {
            case .text: isProgram ? .text : .libraries
            case .rodata: isProgram ? .rodata : .libraries
            case .data: isProgram ? .data : .libraries
            case .bss: isProgram ? .bss : .libraries
            case .heap: .heap
            case .stack: .stack
            case .anon: .anon
            case .arena: .arenas
            case .threadStack, .guardPages: .threadStacks
            case .reserved: .reserved
            case .jit: .jit
            case .file: .files
            case .shared: .shared
            case .hugetlb: .hugetlb
            case .device: .devices
            case .vdso: .vdso
            }
    }

    var zone: MapZone {
        switch self {
        case .text, .rodata, .data, .bss: .image
        case .heap: .heap
        case .stack: .stack
        default: .mmap
        }
    }

    var label: String {
        switch self {
        case .text: "text"
        case .rodata: "rodata"
        case .data: "data"
        case .bss: "bss"
        case .heap: "heap"
        case .libraries: "libraries"
        case .anon: "anon"
        case .arenas: "arenas"
        case .threadStacks: "thread stacks"
        case .reserved: "reserved"
        case .jit: "jit"
        case .files: "files"
        case .shared: "shared"
        case .hugetlb: "huge pages"
        case .devices: "devices"
        case .stack: "stack"
        case .vdso: "vdso"
        }
    }
}

/// The parts of the drawing on the whiteboard. Only what lies in one of them is ever drawn as one.
enum MapZone {
    case image
    case heap
    case mmap
    case stack
}
