import MemoryModel
import MemwatchInterface

/// Configuration that is not taken, with everything that is wrong with it.
package struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One line: `file:line:column: what is wrong; what to write`.
    package struct Problem: Hashable, Sendable, CustomStringConvertible {
        package var file: String
        /// nil where the whole file is the problem: it is missing, or may not be read.
        package var position: TextPosition?
        package var message: String

        package var description: String {
            let place = position.map { ":\($0.line):\($0.column)" } ?? ""
            return PrintableText.escape(file) + place + ": " + message
        }
    }

    /// Never empty. In the order of files and, within a file, of lines; a syntax error hides what comes after it.
    package let problems: [Problem]

    /// A line for each problem.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
