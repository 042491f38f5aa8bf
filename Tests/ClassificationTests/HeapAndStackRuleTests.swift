import MemoryModel
import Testing

@Suite("heap and stack")
struct HeapAndStackRuleTests {
    @Test("the area the kernel calls [heap] is heap, also where mprotect cut it")
    func heap() {
        let drawing = Drawing(
            """
            10000-20000 rw-p 00000000 00:00 0 [heap]
            20000-21000 r--p 00000000 00:00 0 [heap]
            21000-30000 rwxp 00000000 00:00 0 [heap]
            """)
        #expect(drawing.names() == ["heap", "heap", "heap"])
        #expect(drawing.startBrk(0x10000).names() == ["heap", "heap", "heap"])
    }

    @Test("bss merged with the heap ends at start_brk")
    func mergedBss() {
        let drawing = Drawing("10000-20000 rw-p 00000000 00:00 0 [heap]")
        #expect(drawing.startBrk(0x13000).kinds() == ["10000-13000 bss", "13000-20000 heap"])
        #expect(drawing.startBrk(0x12345).kinds() == ["10000-13000 bss", "13000-20000 heap"])
        #expect(drawing.startBrk(0x40000).kinds() == ["10000-20000 heap"])
    }

    @Test("where start_brk is hidden, the program's header says where its bss ends")
    func hiddenStartBrk() {
        let drawing = Drawing(
            """
            10000-11000 r--p 00000000 08:01 5 /bin/x
            11000-13000 r-xp 00001000 08:01 5 /bin/x
            13000-14000 r--p 00003000 08:01 5 /bin/x
            15000-16000 rw-p 00004000 08:01 5 /bin/x
            16000-30000 rw-p 00000000 00:00 0 [heap]
            """
        ).image(5, Drawing.library(bss: 0x2000))
        #expect(drawing.kinds().suffix(2) == ["16000-18000 bss", "18000-30000 heap"])
    }

    @Test("a file that is called [heap], [stack] or [vdso] is a file")
    func forgedNames() {
        let drawing = Drawing(
            """
            10000-20000 rw-p 00000000 08:01 7 [heap]
            20000-30000 rw-p 00000000 08:01 8 [stack]
            30000-40000 r-xp 00000000 08:01 9 [vdso]
            """)
        #expect(!drawing.names().contains { ["heap", "stack", "vdso"].contains($0) })
    }

    @Test("what touches the stack is stack; where it is inaccessible, guard")
    func cutStack() {
        let drawing = Drawing(
            """
            7ffcfff00000-7ffcfff10000 rw-p 00000000 00:00 0
            7ffcfffc0000-7ffcfffd0000 ---p 00000000 00:00 0
            7ffcfffd0000-7ffcfffe0000 r--p 00000000 00:00 0
            7ffcfffe0000-7ffd00010000 rw-p 00000000 00:00 0 [stack]
            7ffd00010000-7ffd00014000 r--p 00000000 00:00 0 [vvar]
            """)
        #expect(drawing.names() == ["anon", "guard", "stack", "stack", "vdso"])
    }

    @Test("a stack without its name is found by where it began")
    func namelessStack() {
        #expect(Drawing("7ffcfffe0000-7ffd00010000 rw-p 00000000 00:00 0").names() == ["stack"])
    }

    @Test("the kernel's own pages are vdso, whatever they are called, and [vsyscall] is outside VmSize")
    func kernelPages() {
        let drawing = Drawing(
            """
            7ffd00010000-7ffd00014000 r--p 00000000 00:00 0 [vvar]
            7ffd00014000-7ffd00016000 r--p 00000000 00:00 0 [vvar_vclock]
            7ffd00016000-7ffd00018000 r-xp 00000000 00:00 0 [vdso]
            7fffffffe000-7ffffffff000 --xp 00000000 00:00 0 [uprobes]
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
            """)
        #expect(drawing.names() == ["vdso", "vdso", "vdso", "vdso", "vdso"])
        #expect(KindTotals(of: drawing.regions())[.vdso] == 0x4000 + 0x2000 + 0x2000 + 0x1000)
    }

    @Test("a name that a program gave its memory changes nothing")
    func namedMemory() {
        let drawing = Drawing(
            """
            10000-20000 rw-p 00000000 00:00 0 [anon:[heap]]
            30000-40000 ---p 00000000 00:00 0 [anon:x]
            50000-60000 rwxp 00000000 00:00 0 [anon:x]
            """)
        #expect(drawing.names() == ["anon", "reserved", "jit"])
    }
}
