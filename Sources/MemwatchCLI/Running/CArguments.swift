import Glibc

/// A program and its arguments as exec wants them: bytes, which need not be UTF-8.
struct CArguments {
    private let words: [[CChar]]

    init(_ words: [String]) { self.words = words.map { Array($0.utf8CString) } }

    /// The last of this program's own arguments with the very bytes that it was given: what Swift makes strings of has
    /// lost those that are no UTF-8.
    ///
    /// - Parameter words: the same as strings.
    init(own words: [String]) {
        let first = Int(CommandLine.argc) - words.count
        let own = words.indices.map { index -> [CChar] in
            guard first > 0, let word = CommandLine.unsafeArgv[first + index],
                String(cString: word) == words[index]
            else { return Array(words[index].utf8CString) }
            return Array(UnsafeBufferPointer(start: word, count: strlen(word) + 1))
        }
        self.words = own
    }

    func with<Result>(_ body: ([UnsafeMutablePointer<CChar>?]) -> Result) -> Result {
        var pointers = words.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers)
    }
}
