import Glibc
import Logging

/// Log lines for standard error, one write(2) each: what journald and a terminal both show well.
///
/// No time and no label: journald adds its own, and on a terminal there is one program.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.notice

    init(_ label: String) {}

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        Self.write("memwatchd: \(event.message)")
    }

    static func write(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        // Nothing can be done about a standard error that does not take it.
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
