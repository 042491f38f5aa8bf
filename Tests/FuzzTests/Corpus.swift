import Glibc
import TestSupport

/// The inputs that are kept beside the tests.
///
/// `Corpus/TARGET.corpus` has the minimised corpus of the last campaign in one file, as its hundreds of inputs are of no
/// use one by one; `Corpus/Crashes/TARGET-…` has each input that once broke something, under a name that says what.
enum Corpus {
    /// `MEMWATCH_FUZZ_MUTATIONS` for more than what an ordinary run has time for.
    static let mutations = environmentNumber("MEMWATCH_FUZZ_MUTATIONS", else: 5_000)

    static func inputs(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let packed = try readBytes(directory + "/\(target.rawValue).corpus", limit: 8 << 20)
        var inputs: [(name: String, bytes: [UInt8])] = []
        var index = 0
        // Each is its length in four bytes, the lowest first, and itself.
        while index + 4 <= packed.count {
            let count = (0..<4).reduce(0) { $0 | Int(packed[index + $1]) << (8 * $1) }
            guard count <= packed.count - index - 4 else {
                throw TestFailure("\(target.rawValue).corpus is cut short")
            }
            inputs.append(("\(inputs.count)", Array(packed[(index + 4)..<(index + 4 + count)])))
            index += 4 + count
        }
        return inputs
    }

    static func crashes(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        try names(in: directory + "/Crashes").filter { $0.hasPrefix(target.rawValue + "-") }.map {
            ($0, try readBytes(directory + "/Crashes/" + $0, limit: 1 << 20))
        }
    }

    private static var directory: String {
        let file = #filePath
        return String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]) + "/Corpus"
    }

    private static func names(in directory: String) throws -> [String] {
        guard let stream = opendir(directory) else { throw TestFailure("cannot open \(directory)") }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
