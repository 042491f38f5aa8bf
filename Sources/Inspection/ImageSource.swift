package import Classification
package import MemoryModel
package import ProcFS

/// Where a look gets the ELF headers of a process's images from.
package protocol ImageSource: Sendable {
    /// Called before the questions of one look: answers must know of all that has happened to files until now.
    func prepare()

    /// The layouts of some images, if those of all are known without reading or waiting for anything; else nil, and
    /// ``layout(of:path:in:)`` must be asked for each. In one question, because of most new processes all are.
    func known(_ images: [(ImageKey, VMA)]) -> KnownImages?

    /// The layout of the file that `area` maps; nil where it cannot be told now but may be later
    /// (the look then goes by neighbourhood and asks again the next time).
    func layout(of area: VMA, path: [UInt8], in directory: ProcessDirectory) -> ImageLayout?
}

extension ImageSource {
    package func prepare() {}
    package func known(_ images: [(ImageKey, VMA)]) -> KnownImages? { nil }
}

/// Reads headers where it stands. For programs that look once and may wait for a disk.
package struct DirectImageSource: ImageSource {
    package init() {}

    package func layout(of area: VMA, path: [UInt8], in directory: ProcessDirectory) -> ImageLayout? {
        guard let file = directory.openImage(of: area, path: path) else { return .unreadable }
        return ImageLayout(reading: file)
    }
}

extension ImageLayout {
    /// Reads the ELF header and the program headers it names: at most 64 KiB, and one read where the
    /// headers follow each other at the file's beginning, as every linker writes them.
    package init(reading file: borrowing ImageFile) {
        let beginning = file.read(offset: 0, count: 1_024)
        let image = beginning.withUnsafeBytes { bytes -> ELFImage? in
            let header = UnsafeRawBufferPointer(rebasing: bytes.prefix(ELFImage.headerSize))
            guard let range = ELFImage.bytesNeeded(prefix: header) else { return nil }
            if range.upperBound <= UInt64(bytes.count) {
                let table = bytes[Int(range.lowerBound)..<Int(range.upperBound)]
                return ELFImage(header: header, programHeaders: UnsafeRawBufferPointer(rebasing: table))
            }
            return file.read(offset: range.lowerBound, count: range.count).withUnsafeBytes { table in
                ELFImage(header: header, programHeaders: table)
            }
        }
        self = image.map(ImageLayout.elf) ?? .notELF
    }
}
