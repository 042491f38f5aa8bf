extension String {
    /// Whether no more than 30 combining marks follow each other: Unicode's stream-safe text (UAX #15).
    ///
    /// To compare two strings, or to hash one, Swift puts the marks of each character in order, in a time that
    /// grows with the square of their number: 1.2 to 2.5 s for 128 KiB of them. No language needs more than a few.
    package var isStreamSafe: Bool {
        // U+0300, the first of them, begins with the byte 0xcc; most text ends here.
        guard utf8.contains(where: { $0 >= 0xcc }) else { return true }
        var marks = 0
        for scalar in unicodeScalars {
            if scalar.value < 0x300 || scalar.properties.canonicalCombiningClass == .notReordered {
                marks = 0
            } else {
                marks += 1
                if marks > 30 { return false }
            }
        }
        return true
    }
}
