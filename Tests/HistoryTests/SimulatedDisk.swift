import Glibc
import TestSupport

/// A disk that loses its power, played back from what `Fixtures/disk-recorder.c` wrote down.
///
/// What was flushed is there. Of what was written after the last flush of its file, any part may be there, in
/// units of a sector and in any order, so that an older version of a sector may win over a newer one. Names that
/// were made, changed and removed after the last flush of the directory are there up to any one of them: file
/// systems with a journal keep that order.
struct SimulatedDisk {
    private enum Change {
        case write(offset: Int, bytes: ArraySlice<UInt8>)
        case truncate(Int)
    }

    private struct File {
        var flushed: [UInt8] = []
        var changes: [Change] = []
    }

    private enum Naming {
        case create(String, file: Int)
        case unlink(String)
        case rename(String, to: String)
    }

    private static let sector = 512

    private var files: [File] = []
    private var names: [String: Int] = [:]
    private var flushedNames: [String: Int] = [:]
    private var namings: [Naming] = []

    // MARK: What the program did

    mutating func apply(_ record: DiskRecord) {
        switch record.kind {
        case .write: change(record.name, .write(offset: record.offset, bytes: record.data))
        case .truncate: change(record.name, .truncate(record.offset))
        case .flush: flush(record.name)
        case .flushDirectory:
            flushedNames = names
            namings = []
        case .create:
            files.append(File())
            note(.create(record.name, file: files.count - 1))
        case .unlink: note(.unlink(record.name))
        case .rename: note(.rename(record.name, to: String(decoding: record.data, as: UTF8.self)))
        case .acknowledge: break
        }
    }

    private mutating func change(_ name: String, _ change: Change) {
        guard let file = names[name] else { return }
        files[file].changes.append(change)
    }

    private mutating func flush(_ name: String) {
        guard let file = names[name] else { return }
        for change in files[file].changes { Self.apply(change, to: &files[file].flushed) }
        files[file].changes = []
    }

    private mutating func note(_ naming: Naming) {
        namings.append(naming)
        Self.apply(naming, to: &names)
    }

    // MARK: The power cut

    /// What is found in the directory afterwards.
    func cut(using generator: inout Seeded) -> [String: [UInt8]] {
        var found = flushedNames
        for naming in namings.prefix(Int.random(in: 0...namings.count, using: &generator)) {
            Self.apply(naming, to: &found)
        }
        return found.mapValues { content(of: files[$0], using: &generator) }
    }

    private func content(of file: File, using generator: inout Seeded) -> [UInt8] {
        var content = file.flushed
        var parts: [Change] = []
        for change in file.changes {
            guard case .write(let offset, let bytes) = change else {
                parts.append(change)
                continue
            }
            var done = 0
            while done < bytes.count {
                let rest = Self.sector - (offset + done) % Self.sector
                let part = bytes.dropFirst(done).prefix(rest)
                parts.append(.write(offset: offset + done, bytes: part))
                done += part.count
            }
        }
        // From hardly any to nearly all, in order or in none.
        let shares: [Double] = [0.02, 0.5, 0.98, 1]
        let share = shares.randomElement(using: &generator) ?? 1
        parts = parts.filter { _ in Double.random(in: 0..<1, using: &generator) < share }
        if Bool.random(using: &generator) { parts.shuffle(using: &generator) }
        for part in parts { Self.apply(part, to: &content) }
        return content
    }

    private static func apply(_ change: Change, to content: inout [UInt8]) {
        switch change {
        case .truncate(let length):
            if length <= content.count {
                content.removeSubrange(length...)
            } else {
                content += [UInt8](repeating: 0, count: length - content.count)
            }
        case .write(let offset, let bytes):
            let end = offset + bytes.count
            if end > content.count { content += [UInt8](repeating: 0, count: end - content.count) }
            content.replaceSubrange(offset..<end, with: bytes)
        }
    }

    private static func apply(_ naming: Naming, to names: inout [String: Int]) {
        switch naming {
        case .create(let name, let file): names[name] = file
        case .unlink(let name): names[name] = nil
        case .rename(let name, let next):
            names[next] = names[name]
            names[name] = nil
        }
    }
}

/// One line of the record.
struct DiskRecord {
    enum Kind: UInt8 {
        case write = 0x57
        case truncate = 0x54
        case flush = 0x53
        case flushDirectory = 0x44
        case create = 0x43
        case unlink = 0x55
        case rename = 0x52
        case acknowledge = 0x41
    }

    var kind: Kind
    var name: String
    var data: ArraySlice<UInt8>
    /// Of a truncation, the new length.
    var offset: Int

    /// The number that an acknowledgement says.
    var number: UInt64 { data.reversed().reduce(0) { $0 << 8 | UInt64($1) } }

    /// All whole records of a log: the last one may have been cut by the end of the program.
    static func all(in log: [UInt8]) throws -> [DiskRecord] {
        var records: [DiskRecord] = []
        var position = 0
        func integer(_ offset: Int, _ count: Int) -> Int {
            log[(position + offset)..<(position + offset + count)].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        while position + 24 <= log.count {
            let (nameLength, dataLength) = (integer(4, 4), integer(8, 4))
            let end = position + 24 + nameLength + dataLength
            guard end <= log.count else { break }
            guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: integer(0, 4))) else {
                throw TestFailure("no record at \(position)")
            }
            let name = log[(position + 24)..<(position + 24 + nameLength)]
            records.append(
                DiskRecord(
                    kind: kind, name: String(decoding: name, as: UTF8.self),
                    data: log[(position + 24 + nameLength)..<end], offset: integer(16, 8)))
            position = end
        }
        return records
    }
}
