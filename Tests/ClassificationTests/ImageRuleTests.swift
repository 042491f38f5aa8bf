import Classification
import MemoryModel
import Testing

@Suite("images")
struct ImageRuleTests {
    private let loaded = """
        7f0000000000-7f0000001000 r--p 00000000 08:01 5 /lib/x.so
        7f0000001000-7f0000003000 r-xp 00001000 08:01 5 /lib/x.so
        7f0000003000-7f0000004000 r--p 00003000 08:01 5 /lib/x.so
        7f0000004000-7f0000005000 ---p 00004000 08:01 5 /lib/x.so
        7f0000005000-7f0000006000 rw-p 00004000 08:01 5 /lib/x.so
        7f0000006000-7f000000a000 rw-p 00000000 00:00 0
        """

    @Test("a library's mappings are text, rodata and data, and its header says how much behind them is bss")
    func library() {
        let drawing = Drawing(loaded).image(5, Drawing.library(bss: 0x1800))
        #expect(drawing.names() == ["rodata", "text", "rodata", "rodata", "data", "bss", "anon"])
        #expect(drawing.kinds()[5] == "7f0000006000-7f0000008000 bss")
    }

    @Test("a library without bss has none, even where anonymous memory follows")
    func noBss() {
        #expect(Drawing(loaded).image(5, Drawing.library()).names().suffix(2) == ["data", "anon"])
    }

    @Test("a deleted library is a library")
    func deleted() {
        let drawing = Drawing(loaded.replacingName("x.so", "x.so (deleted)"))
        #expect(drawing.image(5, Drawing.library(bss: 0x4000)).names().suffix(2) == ["data", "bss"])
    }

    @Test("the same library read as data is a file, where it is loaded as well")
    func readAsData() {
        let drawing = Drawing(
            loaded + "\n7f0000100000-7f0000106000 r--p 00000000 08:01 5 /lib/x.so"
                + "\n7f0000200000-7f0000201000 rw-p 00004000 08:01 5 /lib/x.so"
                + "\n7f0000300000-7f0000301000 rw-s 00004000 08:01 5 /lib/x.so"
        ).image(5, Drawing.library())
        #expect(drawing.names().suffix(3) == ["file", "file", "file"])
        #expect(Drawing("7f0000100000-7f0000106000 r--p 00000000 08:01 5 /lib/x.so").names() == ["file"])
    }

    @Test("a library loaded twice has two sets of everything")
    func twice() {
        let drawing = Drawing(
            loaded + "\n" + loaded.replacingName("7f00000", "7f00010")
        ).image(5, Drawing.library(bss: 0x4000))
        let once = ["rodata", "text", "rodata", "rodata", "data", "bss"]
        #expect(drawing.names() == once + once)
    }

    @Test("an executable mapping of what is no ELF file is a file")
    func notELF() {
        let drawing = Drawing("7f0000000000-7f0000001000 r-xp 00000000 08:01 5 /x.bin").image(5, .notELF)
        #expect(drawing.names() == ["file"])
    }

    @Test("where no header can be read, neighbourhood decides")
    func unreadable() {
        let names = ["rodata", "text", "rodata", "rodata", "data", "bss"]
        #expect(Drawing(loaded).names() == names)
        #expect(Drawing(loaded).image(5, .unreadable).names() == names)
        let apart = loaded + "\n7f0010000000-7f0010001000 r--p 00000000 08:01 5 /lib/x.so"
        #expect(Drawing(apart).names().last == "file")
    }

    @Test("a program at fixed addresses is not moved")
    func fixedProgram() {
        let program = ImageLayout.elf(
            ELFImage(
                type: .executable,
                segments: [
                    .init(offset: 0, vaddr: 0x400000, filesz: 0x1000, memsz: 0x1000, flags: 5, align: 0x1000),
                    .init(
                        offset: 0x1000, vaddr: 0x600000, filesz: 0x800, memsz: 0x3000, flags: 6, align: 0x1000
                    ),
                ]))
        let drawing = Drawing(
            """
            400000-401000 r-xp 00000000 08:01 5 /bin/x
            600000-601000 rw-p 00001000 08:01 5 /bin/x
            601000-603000 rw-p 00000000 00:00 0
            """
        ).image(5, program)
        #expect(drawing.names() == ["text", "data", "bss"])
    }

    @Test("only files with a private executable mapping are read, devices never")
    func imagesToRead() {
        let drawing = Drawing(
            loaded + """

                7f0001000000-7f0001001000 r-xp 00000000 00:06 6 /dev/x
                7f0002000000-7f0002001000 r-xs 00000000 08:01 7 /y
                7f0003000000-7f0003001000 r--p 00000000 08:01 8 /z
                7f0004000000-7f0004001000 r-xp 00000000 00:0f 9 anon_inode:[x]
                """)
        func wanted(_ known: ImageTable<ImageLayout>) -> [UInt64] {
            Classifier.imagesToRead(
                areas: drawing.process.areas, paths: drawing.process.paths, evidence: drawing.evidence,
                known: known
            ).map { $0.0.inode }
        }
        #expect(wanted([:]) == [5])
        #expect(wanted([ImageKey(drawing.process.areas[0]): .unreadable]) == [])
    }
}

extension String {
    /// All occurrences.
    fileprivate func replacingName(_ old: String, _ new: String) -> String {
        var result = ""
        var rest = self[...]
        while let first = rest.first {
            if rest.hasPrefix(old) {
                result += new
                rest = rest.dropFirst(old.count)
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return result
    }
}
