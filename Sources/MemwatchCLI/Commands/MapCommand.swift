import ArgumentParser
import Inspection
import MemoryModel
import MemwatchInterface
import ProcFS
import Varlink

struct MapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "map",
        abstract: "Draws a process's address space: image, heap, what mmap put where, stack.",
        discussion: """
            Low addresses are at the bottom, the kernel is at the top. The higher a block, the larger it is, on \
            a scale of logarithms; small neighbours are drawn as one. Reads /proc itself and needs no daemon, \
            unless it may not read that process. Fits the terminal, or 80 columns and 24 lines (COLUMNS, LINES).
            """)

    @Argument(help: ArgumentHelp("The process.", valueName: "pid"))
    var pid: String

    @Flag(
        help: ArgumentHelp(
            "Also show how much of each block is in memory.",
            discussion: "Takes about 1.5 s for 4 GB, to leave the process 98 % of its time."))
    var resident = false

    @Flag(help: "Draw with plain ASCII characters.")
    var ascii = false

    @OptionGroup var daemon: SocketOption

    func run() throws {
        let pid = try ArgumentText.pid(pid)
        let found = try AddressSpaceReader(
            pid: pid, countsResident: resident, endpoint: try daemon.endpoint()
        ).read()
        let output = Output()
        let size = output.size ?? .ofEnvironment
        var drawing = MapDrawing(space: found.space)
        drawing.columns = size.columns
        drawing.rows = size.rows
        drawing.glyphs = ascii ? .ascii : .unicode
        drawing.showsResident = resident
        drawing.isStyled = output.isStyled
        for line in drawing.lines { try output.write(line + "\n") }
        try output.flush()
        found.doubts.tell(command: "map")
    }
}
