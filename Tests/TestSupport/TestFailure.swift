/// Something a test needs went wrong; the message is all there is to say.
package struct TestFailure: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }

    /// `what` failed with the current `errno`.
    package static func system(_ what: String, _ code: Int32) -> TestFailure {
        TestFailure("\(what): \(errorText(code))")
    }
}
