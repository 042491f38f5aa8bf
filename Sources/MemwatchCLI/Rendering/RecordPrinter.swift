import MemwatchInterface
import Varlink

/// Prints JSON objects in some other form than a table.
protocol ObjectPrinter: AnyObject {
    /// - Parameter object: One whole JSON object.
    func write(_ object: UnsafeRawBufferPointer) throws(Failure)
    /// Whatever the form has behind its last object.
    func finish() throws(Failure)
}

/// What has a row in every form of output.
protocol PrintableRow: JSONWritable {
    /// The members of its JSON object in their order.
    static var fields: [String] { get }
}

extension RegionRecord: PrintableRow {}
extension SampleRecord: PrintableRow {}
extension EventRecord: PrintableRow {}
extension TargetRecord: PrintableRow {}
extension RuleRecord: PrintableRow {}

/// Prints records of one type in the form the user chose, as they come.
struct RecordPrinter<Row: PrintableRow> {
    private enum Form {
        case table(TablePrinter)
        case objects(any ObjectPrinter)
    }

    private let form: Form
    private let layout: TableLayout<Row>
    private let output: Output
    private var scratch = JSONWriter()

    /// - Parameters:
    ///   - csvColumns: Where they are not just the record's fields.
    ///   - isSingle: There is one record, which JSON shows without an array around it.
    ///   - isLive: Rows come one by one, and each must be seen at once.
    init(
        _ format: OutputFormat, layout: TableLayout<Row>, csvColumns: [String] = Row.fields,
        isSingle: Bool = false, isLive: Bool = false, output: Output
    ) {
        self.layout = layout
        self.output = output
        form =
            switch format {
            case .table:
                .table(
                    TablePrinter(
                        columns: layout.columns, output: output, lookahead: isLive ? 0 : 1_000,
                        minimumWidths: isLive ? layout.liveWidths : []))
            case .json:
                .objects(JSONPrinter(isSingle ? .single : isLive ? .liveArray : .array, output: output))
            case .ndjson: .objects(JSONPrinter(.lines, output: output))
            case .csv: .objects(CSVPrinter(columns: csvColumns, output: output))
            }
    }

    private(set) var hasBegun = false

    /// For rows that come one by one: shows at once what stands above them.
    mutating func begin() throws(Failure) {
        hasBegun = true
        if case .table(let table) = form { try table.start() }
        try output.flush()
    }

    mutating func write(_ record: Row) throws(Failure) {
        switch form {
        case .table(let table): try table.write(layout.cells(record))
        case .objects(let printer):
            scratch.removeAll()
            record.write(to: &scratch)
            try scratch.bytes.withRawBytes { (bytes) throws(Failure) in try printer.write(bytes) }
        }
    }

    /// A last row of a table that sums up the others; other forms hold records only.
    func total(_ cells: [String?]) throws(Failure) {
        if case .table(let table) = form { try table.write(cells) }
    }

    /// Ends the array, prints the header of a table without rows, and hands everything to the kernel.
    func finish() throws(Failure) {
        switch form {
        case .table(let table): try table.finish()
        case .objects(let printer): try printer.finish()
        }
        try output.flush()
    }
}

extension RecordPrinter where Row: Record {
    /// A record as the daemon wrote it: passed through where that will do.
    mutating func write(json bytes: UnsafeRawBufferPointer) throws(Failure) {
        guard bytes.first == UInt8(ascii: "{") else { throw .malformedAnswer() }
        switch form {
        case .table(let table): try table.write(layout.cells(try Self.read(bytes)))
        case .objects(let printer): try printer.write(bytes)
        }
    }

    static func read(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> Row {
        do {
            guard let object = try JSON(parsing: bytes).objectValue else { throw Failure.malformedAnswer() }
            return try Row(json: object)
        } catch let error as RecordError {
            throw .malformedAnswer(error.description)
        } catch {
            throw .malformedAnswer()
        }
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` that keeps the error's type.
    func withRawBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withUnsafeBufferPointer { (bytes) throws(Failure) in try body(UnsafeRawBufferPointer(bytes)) }
    }
}
