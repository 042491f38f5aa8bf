/// Work on several processes of which some may fail: each failure is a line, the first one the status.
struct EachFailure {
    private let command: String
    private let isSeveral: Bool
    private var first: ExitStatus?
    private(set) var count = 0

    /// - Parameter count: How many there are to work on.
    init(command: String, count: Int) {
        self.command = command
        isSeveral = count > 1
    }

    /// - Throws: What the others would only meet again, such as a daemon that has gone.
    mutating func note(_ failure: Failure) throws(Failure) {
        switch failure.status {
        case .noInput, .noPermission, .usage: break
        default: throw failure
        }
        guard isSeveral else { throw failure }
        if let message = failure.message { Diagnostics.line(command: command, message) }
        first = first ?? failure.status
        count += 1
    }

    func end() throws(Failure) {
        if let first { throw .told(first) }
    }
}
