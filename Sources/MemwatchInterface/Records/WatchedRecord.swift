package import Varlink

/// A target as it is at one moment, with the last look at it: a member of an answer to `Watch`.
package struct WatchedRecord: Record, Hashable {
    package var target: TargetRecord
    /// nil before the first look, and of a process that cannot be looked at.
    package var sample: SampleRecord?

    package init(target: TargetRecord, sample: SampleRecord?) {
        self.target = target
        self.sample = sample
    }

    package static let fields = ["target", "sample"]

    package func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("target")
        target.write(to: &writer)
        writer.key("sample")
        if let sample { sample.write(to: &writer) } else { writer.null() }
        writer.endObject()
    }

    package init(json: JSONObject) throws(RecordError) {
        guard let target = json["target"]?.objectValue else { throw RecordError(field: "target") }
        self.target = try TargetRecord(json: target)
        sample = try json["sample"]?.objectValue.map { (object) throws(RecordError) in
            try SampleRecord(json: object)
        }
    }
}
