import MemoryModel
import Varlink

/// One thing there is to say of a process's memory: a sentence, and the figures that it rests on.
struct Finding: Hashable {
    /// What it is about; scripts go by it.
    enum Subject: String, CaseIterable {
        case total
        case growth
        case churn
        case heapResidency = "heap-residency"
        case arenas
        case threadStacks = "thread-stacks"
        case reserved
        case stackHeadroom = "stack-headroom"
        case regionHeadroom = "region-headroom"
        case memoryHeadroom = "memory-headroom"
    }

    var subject: Subject
    var kind: RegionKind?
    var sentence: String
    /// Sizes are bytes, times seconds unless the name says otherwise.
    var figures: JSONObject

    init(_ subject: Subject, _ kind: RegionKind?, _ sentence: String, _ figures: JSONObject) {
        self.subject = subject
        self.kind = kind
        self.sentence = sentence
        self.figures = figures
    }
}

extension JSON {
    static func bytes(_ value: UInt64) -> JSON { .integer(Int64(clamping: value)) }
}
