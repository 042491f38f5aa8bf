import MemoryModel

/// heap: from `start_brk` to the program break.
///
/// The kernel names `[heap]` every anonymous area that touches that range, so pieces that
/// mprotect cut keep the name. Without randomisation of the break (`setarch -R`,
/// `randomize_va_space` below 2) the heap begins where the program's bss ends, both are one
/// area, and all of it is named `[heap]`: `start_brk` is where to cut.
enum HeapRules {
    /// Where an area named `[heap]` stops being bss; its start where nothing is to be cut.
    static func beginning(of area: VMA, _ look: Look) -> UInt64 {
        guard let startBrk = look.evidence.startBrk else { return area.start }
        // Kernels before 4.11 put start_brk at the exact end of bss; its last page is still bss.
        let boundary = look.pageCeiling(startBrk)
        return boundary > area.start && boundary < area.end ? boundary : area.start
    }
}
