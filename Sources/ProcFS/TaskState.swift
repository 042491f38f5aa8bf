/// What the letter for a task's state says (`/proc/[pid]/stat`, 3; `State:` in `/proc/[pid]/status`).
enum TaskState {
    /// Waits in a way that a signal ends, or is stopped.
    static func isAsleep(_ letter: UInt8?) -> Bool {
        letter == UInt8(ascii: "S") || letter == UInt8(ascii: "T") || letter == UInt8(ascii: "t")
    }
}
