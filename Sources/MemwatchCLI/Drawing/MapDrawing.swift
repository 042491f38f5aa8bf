import MemoryModel
import MemwatchInterface

/// An address space as one draws it on a whiteboard: the image at the bottom, the heap above it growing up, what mmap
/// put anywhere, the stack growing down from the top, and the kernel above.
///
///     7ffd28918000  ├┄┄┄ 2.7 GiB unmapped ┄┄┄┄┤
///                   │ stack ↓        132.0 KiB │  may grow to 8.0 MiB
///     7ffd288f7000  ├──────────────────────────┤
///
/// The address beside a border is the first of the block above it.
struct MapDrawing {
    var space: AddressSpace
    /// Of the terminal; the drawing is never wider, and higher only where every zone's one row does not fit.
    var columns = 80
    var rows = 24
    var glyphs = MapGlyphs.unicode
    var showsResident = false
    var isStyled = false

    var lines: [String] {
        let bands = MapFolding.bands(of: space.regions, limit: max(1, room / 2))
        let heights = MapHeights.of(bands.map(\.size), rows: room - bands.count)
        var lines = [title, border(glyphs.topLeft, glyphs.horizontal, glyphs.topRight, address: nil)]
        lines.append(row("kernel", "", bar: "", remark: "not the process's to use", style: .dim))
        var above = space.kernelStart
        for (band, height) in zip(bands, heights).reversed() {
            lines.append(separator(address: above, gap: above > band.end ? above - band.end : 0))
            lines += block(band, height)
            above = band.start
        }
        lines.append(
            border(
                glyphs.bottomLeft, glyphs.horizontal, glyphs.bottomRight, address: bands.isEmpty ? nil : above
            ))
        return lines
    }

    /// Rows for blocks and the borders above them: all but the title, the kernel and its border, the lowest border,
    /// and one for the prompt that follows.
    private var room: Int { max(2, rows - 5) }

    private var title: String {
        var text = space.comm.map { "\(PrintableText.escape($0)) (\(space.pid))" } ?? "process \(space.pid)"
        let count = space.regions.count { !$0.isOutsideVmSize }
        if let size = space.vmSize {
            text += ": \(BinarySize.text(size)) of addresses in \(count) regions"
        }
        if let rss = space.rss { text += ", \(BinarySize.text(rss)) in memory" }
        let fitted = cut(text, columns)
        return isStyled ? Style.bold.applied(to: fitted) : fitted
    }

    // MARK: Blocks

    private func block(_ band: MapBand, _ height: Int) -> [String] {
        let style = Self.style(band.zone)
        // The arrow stands where the block grows, the words where it does not.
        let labelRow =
            switch band.zone {
            case .heap: height - 1
            case .stack: 0
            case .image, .mmap: (height - 1) / 2
            }
        let arrow =
            switch band.zone {
            case .heap: glyphs.up
            case .stack: glyphs.down
            case .image, .mmap: ""
            }
        return (0..<height).map { index in
            guard index == labelRow else { return row(arrow, "", bar: "", remark: "", style: style) }
            return row(
                MapWords.label(band, glyphs), BinarySize.text(band.size), bar: bar(band),
                remark: MapWords.remark(band, in: space), style: style)
        }
    }

    private func row(_ label: String, _ size: String, bar: String, remark: String, style: Style) -> String {
        let label = cut(PrintableText.escape(label), max(0, inner - 3 - size.utf8.count))
        let blanks = max(1, inner - 2 - DisplayWidth.of(label) - size.utf8.count)
        let text = " " + label + TextFit.blanks(blanks) + size + " "
        var line = TextFit.blanks(Self.addressColumns) + glyphs.vertical
        line += isStyled ? style.applied(to: text) : text
        line += glyphs.vertical
        let beside = bar + (remark.isEmpty ? "" : "  " + PrintableText.escape(remark))
        let width = columns - Self.addressColumns - inner - 2
        return line + cut(beside, width)
    }

    /// ` ███░░░░░  41 %`
    private func bar(_ band: MapBand) -> String {
        guard showsResident else { return "" }
        guard let resident = band.resident, band.size > 0 else {
            return TextFit.blanks(Self.barCells + 1) + "     ?"
        }
        // A block of which anything is in memory shows that, and one of which anything is not, too.
        let exact = Double(resident) / Double(band.size)
        var cells = Int((exact * Double(Self.barCells)).rounded())
        if resident > 0 { cells = max(cells, 1) }
        if resident < band.size { cells = min(cells, Self.barCells - 1) }
        cells = max(0, min(cells, Self.barCells))
        let percent = String(Int((exact * 100).rounded()))
        return " " + String(repeating: glyphs.full, count: cells)
            + String(repeating: glyphs.empty, count: Self.barCells - cells)
            + TextFit.blanks(max(0, 4 - percent.count)) + percent + " %"
    }

    // MARK: Borders

    private func separator(address: UInt64, gap: UInt64) -> String {
        guard gap > 0 else { return border(glyphs.left, glyphs.horizontal, glyphs.right, address: address) }
        let text = " \(BinarySize.text(gap)) unmapped "
        let dashes = max(0, inner - text.utf8.count)
        let middle =
            String(repeating: glyphs.dashes, count: dashes / 2) + text
            + String(repeating: glyphs.dashes, count: dashes - dashes / 2)
        return addressCell(address) + glyphs.left + cut(middle, inner) + glyphs.right
    }

    private func border(_ left: String, _ middle: String, _ right: String, address: UInt64?) -> String {
        addressCell(address) + left + String(repeating: middle, count: inner) + right
    }

    private func addressCell(_ address: UInt64?) -> String {
        let text = address.map { MapWords.address($0) } ?? ""
        return TextFit.blanks(max(0, Self.addressColumns - 2 - text.utf8.count)) + text + "  "
    }

    // MARK: Widths

    /// An address is 12 digits, 14 with five levels of page tables.
    private static let addressColumns = 16
    private static let barCells = 8

    /// Columns between the sides of the box: a third of the terminal, so that remarks have as much.
    private var inner: Int { max(22, min(44, columns / 3)) }

    private func cut(_ text: String, _ width: Int) -> String {
        TextFit.cut(text, width, ellipsis: glyphs.ellipsis)
    }

    private static func style(_ zone: MapZone) -> Style {
        switch zone {
        case .image: .blue
        case .heap: .green
        case .mmap: .cyan
        case .stack: .magenta
        }
    }
}
