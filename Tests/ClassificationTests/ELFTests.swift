import Classification
import Glibc
import TestSupport
import Testing

@Suite("ELF headers")
struct ELFTests {
    /// Real files of several linkers, languages and kinds; those that are there.
    private static let files: [String] = {
        var paths = [
            "/bin/ls", "/bin/bash", "/lib64/ld-linux-x86-64.so.2", "/usr/lib/x86_64-linux-gnu/libc.so.6",
            "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/sbin/ldconfig",
        ]
        for tool in ["python3", "java", "node", "swift", "cc", "postgres"] {
            if let path = findTool(tool), let real = realpath(path, nil) {
                paths.append(String(cString: real))
                free(real)
            }
        }
        return paths.filter { access($0, R_OK) == 0 && (try? readBytes($0, limit: 4))?.first == 0x7f }
    }()

    @Test("segments are what readelf says they are", .requiresTool("readelf"), arguments: ELFTests.files)
    func readelf(path: String) throws {
        let image = try #require(ELFImage(parsing: try readBytes(path, limit: 1 << 20)))
        let output = try run("readelf", ["-lW", path])
        var expected: [ELFImage.LoadSegment] = []
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.first == "LOAD" else { continue }
            let numbers = words[1...5].compactMap { UInt64($0.dropFirst(2), radix: 16) }
            let letters = words[6..<(words.count - 1)].joined()
            var flags: UInt32 = 0
            if letters.contains("E") { flags |= 1 }
            if letters.contains("W") { flags |= 2 }
            if letters.contains("R") { flags |= 4 }
            expected.append(
                .init(
                    offset: numbers[0], vaddr: numbers[1], filesz: numbers[3], memsz: numbers[4],
                    flags: flags,
                    align: UInt64(words[words.count - 1].dropFirst(2), radix: 16) ?? 0))
        }
        #expect(image.segments == expected)
        #expect(output.contains("type is DYN") == (image.type == .dynamic))
        #expect(output.contains("type is EXEC") == (image.type == .executable))
    }

    @Test("the bytes that are asked for are enough, and one less is not")
    func bytesNeeded() throws {
        let bytes = try readBytes("/bin/ls", limit: 1 << 16)
        let range = try #require(
            bytes[..<ELFImage.headerSize].withUnsafeBytes { ELFImage.bytesNeeded(prefix: $0) })
        let end = Int(range.upperBound)
        let whole = try #require(ELFImage(parsing: bytes))
        let parts = bytes.withUnsafeBytes { raw in
            ELFImage(
                header: UnsafeRawBufferPointer(rebasing: raw[..<ELFImage.headerSize]),
                programHeaders: UnsafeRawBufferPointer(rebasing: raw[Int(range.lowerBound)..<end]))
        }
        #expect(parts == whole)
        #expect(ELFImage(parsing: Array(bytes[..<end])) == whole)
        #expect(ELFImage(parsing: Array(bytes[..<(end - 1)])) == nil)
    }

    @Test("a 32-bit program is read too")
    func thirtyTwoBits() throws {
        var bytes = Self.header(class: 1, type: 2, entrySize: 32, count: 2, offset: 52)
        for values: [UInt32] in [
            [1, 0x1000, 0x0804_8000, 0, 0x200, 0x300, 5, 0x1000], [2, 0, 0, 0, 0, 0, 0, 0],
        ] {
            for value in values { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
        }
        let image = try #require(ELFImage(parsing: bytes))
        #expect(image.type == .executable)
        #expect(
            image.segments == [
                .init(
                    offset: 0x1000, vaddr: 0x0804_8000, filesz: 0x200, memsz: 0x300, flags: 5, align: 0x1000)
            ])
    }

    @Test("what is no image of this machine is refused")
    func refused() {
        let good = Self.header(class: 2, type: 3, entrySize: 56, count: 1, offset: 64) + Self.load64
        #expect(ELFImage(parsing: good) != nil)
        func changed(_ offset: Int, _ values: UInt8...) -> [UInt8] {
            var bytes = good
            bytes.replaceSubrange(offset..<(offset + values.count), with: values)
            return bytes
        }
        #expect(ELFImage(parsing: changed(0, 0)) == nil)
        #expect(ELFImage(parsing: changed(4, 3)) == nil, "no such class")
        #expect(ELFImage(parsing: changed(5, 2)) == nil, "the other byte order")
        #expect(ELFImage(parsing: changed(16, 1)) == nil, "an object file")
        #expect(ELFImage(parsing: changed(16, 4)) == nil, "a core file")
        #expect(ELFImage(parsing: changed(54, 32)) == nil, "headers of another size")
        #expect(ELFImage(parsing: changed(56, 0)) == nil, "no headers")
        #expect(ELFImage(parsing: changed(56, 0xff, 0xff)) == nil, "PN_XNUM")
        #expect(ELFImage(parsing: changed(32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)) == nil)
        #expect(ELFImage(parsing: changed(64, 2)) == nil, "nothing to load")
        #expect(ELFImage(parsing: []) == nil)
        #expect(ELFImage(parsing: Array("#!/bin/sh\n".utf8)) == nil)
    }

    @Test("200,000 damaged headers neither trap nor grow us")
    func damaged() throws {
        let original = try readBytes("/bin/ls", limit: 1024)
        var random = SplitMix(seed: 42)
        var bytes = original
        var (parsed, largest, mostSegments) = (0, 0, 0)
        for _ in 0..<200_000 {
            bytes.replaceSubrange(0..., with: original)
            for _ in 0..<(1 + random.next() % 6) {
                bytes[Int(random.next() % 1024)] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.next() % 4 == 0 { bytes.removeLast(Int(random.next() % 1025)) }
            if let range = bytes.withUnsafeBytes({ ELFImage.bytesNeeded(prefix: $0) }) {
                largest = max(largest, range.count)
            }
            if let image = ELFImage(parsing: bytes) {
                parsed += 1
                mostSegments = max(mostSegments, image.segments.count)
            }
        }
        #expect(largest <= 65_536 && mostSegments <= 1170)
        #expect(parsed > 1000 && parsed < 199_000)
    }

    private static func header(
        class: UInt8, type: UInt16, entrySize: UInt16, count: UInt16, offset: UInt32
    ) -> [UInt8] {
        var bytes: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, `class`, 1, 1] + [UInt8](repeating: 0, count: 57)
        if `class` == 1 { bytes.removeLast(12) }
        func put(_ value: some FixedWidthInteger, _ offset: Int) {
            withUnsafeBytes(of: value.littleEndian) {
                bytes.replaceSubrange(offset..<(offset + $0.count), with: $0)
            }
        }
        put(type, 16)
        put(offset, `class` == 2 ? 32 : 28)
        put(entrySize, `class` == 2 ? 54 : 42)
        put(count, `class` == 2 ? 56 : 44)
        return bytes
    }

    private static let load64: [UInt8] = [1, 0, 0, 0, 5, 0, 0, 0] + [UInt8](repeating: 0, count: 48)
}

/// A small random generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
