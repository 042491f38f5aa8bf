import Classification
import Glibc
import Inspection
import MemoryModel
import ProcFS
import TestSupport
import Testing

@testable import Tracing

@Suite("ELF headers that processes share", .serialized)
struct SharedImagesTests {
    /// The layout of a file, by mapping it as code and asking for what is mapped there.
    private func layout(
        of file: String, _ images: some ImageSource
    ) throws -> (key: ImageKey, layout: ImageLayout?) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        let place = mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, descriptor, 0)
        try #require(place != MAP_FAILED)
        defer { munmap(place, 4096) }
        let directory = try ProcRoot().open(pid: getpid())
        var look = MapsLook()
        try directory.look(into: &look)
        let address = UInt64(UInt(bitPattern: place))
        let area = try #require(look.areas.first { $0.start <= address && address < $0.end })
        images.prepare()
        // As a first look asks: what is known of all its images at once, and where that is nothing, each.
        let all = [(ImageKey(area), area)]
        var layout = images.known(all)?.layouts.first
        // On a busy machine the reader may take longer than its patience.
        for _ in 0..<100 where layout == nil {
            layout = images.layout(of: area, path: Array(look.paths.bytes(of: area.path)), in: directory)
        }
        if let known = images.known(all) { #expect(known.layouts == [layout]) }
        return (ImageKey(area), layout)
    }

    private func segments(_ layout: ImageLayout?) -> [ELFImage.LoadSegment]? {
        if case .elf(let image) = layout { image.segments } else { nil }
    }

    private func copy(_ source: String, to file: String) throws {
        let bytes = try readBytes(source)
        let descriptor = open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_TRUNC, 0o755)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        #expect(write(descriptor, bytes, bytes.count) == bytes.count)
    }

    /// Two programs whose segments differ.
    private func programs() throws -> (String, String) {
        let (one, other) = ("/bin/sh", "/proc/self/exe")
        let direct = DirectImageSource()
        let layouts = try [one, other].map { segments(try layout(of: $0, direct).layout) }
        try #require(layouts[0] != nil && layouts[1] != nil && layouts[0] != layouts[1])
        return (one, other)
    }

    @Test("a file that is written anew in place is read anew, however soon")
    func rewritten() throws {
        let (one, other) = try programs()
        let directory = try TemporaryDirectory()
        let (file, images) = (directory.file("library.so"), DeferredImageSource())
        var key: ImageKey?
        for round in 0..<20 {
            try copy(round % 2 == 0 ? one : other, to: file)
            let found = try layout(of: file, images)
            #expect(segments(found.layout) == segments(try layout(of: file, DirectImageSource()).layout))
            #expect(key == nil || key == found.key, "another inode: the test shows nothing")
            key = found.key
        }
    }

    @Test("a file that takes a deleted one's place is read anew, also where it gets its inode number")
    func replaced() throws {
        let (one, other) = try programs()
        let directory = try TemporaryDirectory()
        let (file, images) = (directory.file("library.so"), DeferredImageSource())
        for round in 0..<20 {
            unlink(file)
            try copy(round % 2 == 0 ? one : other, to: file)
            #expect(
                segments(try layout(of: file, images).layout)
                    == segments(try layout(of: file, DirectImageSource()).layout))
        }
    }

    @Test("more changes than the kernel keeps are taken for a change of every file")
    func overflow() throws {
        let (one, other) = try programs()
        let directory = try TemporaryDirectory()
        let files = [directory.file("one.so"), directory.file("other.so")]
        let images = DeferredImageSource()
        for file in files {
            try copy(one, to: file)
            #expect(segments(try layout(of: file, images).layout) != nil)
        }
        // In turn, because the same twice in a row is told once. 16,384 are kept (fs.inotify.max_queued_events).
        let kept = try readText("/proc/sys/fs/inotify/max_queued_events").split(separator: "\n").first
        for _ in 0..<(kept.flatMap { Int($0) } ?? 16_384) { for file in files { chmod(file, 0o755) } }
        // What happens now is lost.
        for file in files {
            try copy(other, to: file)
            #expect(
                segments(try layout(of: file, images).layout)
                    == segments(try layout(of: file, DirectImageSource()).layout))
        }
    }

    @Test("a file system can be unmounted, and a file's blocks are freed, though its headers are known")
    func leavesNoHold() throws {
        let images = DeferredImageSource()
        let directory = try TemporaryDirectory()
        let file = directory.file("library.so")
        try copy("/bin/sh", to: file)
        #expect(segments(try layout(of: file, images).layout) != nil)
        #expect(openFiles().allSatisfy { !$0.hasPrefix(directory.path) })
    }

    /// What this process holds open.
    private func openFiles() -> [String] {
        (0..<1024).compactMap { number in
            var target = [CChar](repeating: 0, count: 4096)
            let count = readlink("/proc/self/fd/\(number)", &target, target.count)
            return count > 0
                ? String(decoding: target[0..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
        }
    }
}
