import MemoryModel

@testable import ProcFS

/// Maps text, whole and cut as reads would cut it, against the plain reading of its lines.
enum MapsTarget {
    static func check(_ text: UnsafeRawBufferPointer) throws(Violation) -> Bool {
        let expected = PlainMaps(text)
        let whole = try Reading(text, cutAt: 0)
        try whole.mustAgree(with: expected, text)
        let choice = text.fingerprint
        let cut = Int(choice % UInt64(text.count + 1))
        let pieces = try Reading(text, cutAt: cut)
        try pieces.mustAgree(with: expected, text)
        // Takes as long as all the rest, and finds its own: of some texts.
        if choice >> 32 & 3 == 0 { try AreasTarget.check(whole.look, choice: choice) }
        return whole.failure == nil && !expected.lines.isEmpty
    }

    /// What the product made of the text.
    private struct Reading {
        var look = MapsLook()
        var parser = MapsParser()
        /// The line it refused.
        var failure: Int?

        /// In two pieces, the second with what the first left over, as ``MapsReader`` does.
        init(_ text: UnsafeRawBufferPointer, cutAt cut: Int) throws(Violation) {
            var used = 0
            if cut > 0 { used = try text.withCopy(of: 0..<cut) { (piece) throws(Violation) in read(piece) } }
            guard failure == nil else { return }
            used += read(UnsafeRawBufferPointer(rebasing: text[used...]))
            guard failure == nil else { return }
            let end = (text.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
            try mustHold(used == end, "it took \(used) bytes of whole lines of \(end)")
        }

        private mutating func read(_ piece: UnsafeRawBufferPointer) -> Int {
            do throws(MapsReader.Failure) {
                return try parser.parse(piece, into: &look)
            } catch {
                if case .malformed(let line, _) = error { failure = line } else { failure = -1 }
                return 0
            }
        }

        func mustAgree(with expected: PlainMaps, _ text: UnsafeRawBufferPointer) throws(Violation) {
            try mustHold(
                failure == expected.badLine,
                "it refused line \(failure ?? 0), and should line \(expected.badLine ?? 0)")
            try mustHold(
                look.areas.count == expected.lines.count,
                "\(look.areas.count) areas of \(expected.lines.count) lines")
            for (area, line) in zip(look.areas, expected.lines) {
                try mustHold(
                    area.start == line.start && area.end == line.end && area.offset == line.offset
                        && area.inode == line.inode && area.device.rawValue == line.device
                        && area.permissions.rawValue == line.permissions, "\(line) was read as \(area)")
                let name = text.part(line.name)
                try mustHold(
                    look.paths.withBytes(of: area.path) { $0.isSame(as: name) },
                    "the name of \(line) is another")
            }
            try mustHold(
                parser.sumBytes == expected.sumBytes && look.vsyscallBytes == expected.vsyscallBytes,
                "they add up to \(parser.sumBytes) and \(look.vsyscallBytes)")
            try mustHold(parser.isOrdered == expected.isOrdered, "order is \(parser.isOrdered)")
        }
    }
}

/// The whole lines of maps text, up to the first that is none.
private struct PlainMaps {
    struct Line {
        var start, end, offset, inode: UInt64
        var device: UInt32
        var permissions: UInt8
        var name: Range<Int>
    }

    var lines: [Line] = []
    var badLine: Int?
    var sumBytes: UInt64 = 0
    var vsyscallBytes: UInt64 = 0
    var isOrdered = true

    init(_ text: UnsafeRawBufferPointer) {
        for range in PlainReader.lines(text) where range.upperBound < text.count {
            guard let line = Self.line(text, range) else {
                badLine = lines.count + 1
                return
            }
            if let last = lines.last, line.start < last.end { isOrdered = false }
            lines.append(line)
            let isVsyscall =
                line.start >= 0xffff_ffff_ff60_0000 && line.inode == 0
                && text.part(line.name).isSame(as: "[vsyscall]")
            // Addresses that lie twice in torn text may pass 64 bits.
            if isVsyscall {
                vsyscallBytes &+= line.end - line.start
            } else {
                sumBytes &+= line.end - line.start
            }
        }
    }

    private static func line(_ text: UnsafeRawBufferPointer, _ range: Range<Int>) -> Line? {
        var reader = PlainReader(text, range)
        guard let start = reader.number(radix: 16), reader.take("-"), let end = reader.number(radix: 16),
            reader.take(" "), start < end
        else { return nil }
        var permissions: UInt8 = 0
        for (bit, letter): (UInt8, Unicode.Scalar) in [(1, "r"), (2, "w"), (4, "x"), (8, "s")] {
            if reader.take(letter) {
                permissions |= bit
            } else if !reader.take(bit == 8 ? "p" : "-") {
                return nil
            }
        }
        guard reader.take(" "), let offset = reader.number(radix: 16), reader.take(" "),
            let major = reader.number(radix: 16), reader.take(":"), let minor = reader.number(radix: 16),
            reader.take(" "), let inode = reader.number(radix: 10)
        else { return nil }
        reader.takeAll(" ")
        return Line(
            start: start, end: end, offset: offset, inode: inode,
            // The kernel's dev_t has 12 bits for the one and 20 for the other.
            device: UInt32(major & 0xfff) << 20 | UInt32(minor & 0xfffff), permissions: permissions,
            name: reader.index..<range.upperBound)
    }
}
