import Classification
import MemoryModel
import Testing

@testable import Inspection

@Suite("What maps at rest have alike", .serialized)
struct RestShareTests {
    private func common(_ names: [String], _ layouts: [ImageLayout]) -> RestShare.Common {
        var paths = PathTable()
        for name in names { _ = paths.intern(Array(name.utf8)) }
        var images = KnownImages()
        for (index, layout) in layouts.enumerated() {
            images.append(ImageKey(device: .none, inode: UInt64(index + 1)), layout)
        }
        return RestShare.Common(paths: paths, images: images)
    }

    /// Where the bytes of a name are.
    private func place(_ common: RestShare.Common) -> UnsafeRawPointer? {
        common.paths.withBytes(of: PathID(rawValue: 1)) { $0.baseAddress }
    }

    private func elf(_ vaddr: UInt64) -> ImageLayout {
        .elf(
            ELFImage(
                type: .dynamic,
                segments: [
                    .init(offset: 0, vaddr: vaddr, filesz: 4096, memsz: 4096, flags: 5, align: 4096)
                ]))
    }

    @Test("the same names and images are kept once, and who changes them has a copy")
    func same() {
        let first = RestShare.shared(common(["/usr/bin/same-a", "[heap]"], [elf(0), .notELF]))
        var second = RestShare.shared(common(["/usr/bin/same-a", "[heap]"], [elf(0), .notELF]))
        #expect(place(first) == place(second))
        let id = second.paths.intern(Array("/usr/lib/new".utf8))
        #expect(Array(second.paths.bytes(of: id)) == Array("/usr/lib/new".utf8))
        #expect(first.paths.count == 3)
        #expect(first.paths.bytes(of: id).isEmpty)
    }

    @Test("other names, names in another order, or other images at the same inode are not the same")
    func different() {
        let first = RestShare.shared(common(["/usr/bin/other-a", "[heap]"], [elf(0), .unreadable]))
        for other in [
            common(["/usr/bin/other-a", "[stack]"], [elf(0), .unreadable]),
            common(["[heap]", "/usr/bin/other-a"], [elf(0), .unreadable]),
            common(["/usr/bin/other-a", "[heap]", "/x"], [elf(0), .unreadable]),
            common(["/usr/bin/other-a", "[heap]"], [elf(4096), .unreadable]),
            common(["/usr/bin/other-a", "[heap]"], [elf(0), .notELF]),
            common(["/usr/bin/other-a", "[heap]"], [elf(0)]),
        ] {
            let kept = RestShare.shared(other)
            #expect(place(kept) != place(first))
            #expect(kept.paths.isEqual(to: other.paths))
            #expect(kept.images.count == other.images.count)
        }
    }

    @Test("the list ends: what was not found for long is let go")
    func bounded() {
        let first = RestShare.shared(common(["/usr/bin/bounded"], []))
        for number in 0..<RestShare.limit { _ = RestShare.shared(common(["/usr/bin/bounded-\(number)"], [])) }
        let later = RestShare.shared(common(["/usr/bin/bounded"], []))
        #expect(place(later) != place(first))
        withExtendedLifetime((first, later)) {}
        // Both are held, so that the second cannot be where the first was.
        let long = String(repeating: "x", count: RestShare.largestNames)
        let one = RestShare.shared(common([long, "y"], []))
        let other = RestShare.shared(common([long, "y"], []))
        #expect(place(one) != place(other))
        withExtendedLifetime((one, other)) {}
    }
}
