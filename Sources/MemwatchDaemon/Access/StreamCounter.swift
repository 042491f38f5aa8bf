import Synchronization

/// How many answers in parts (calls with `more`) each user has under way.
///
/// Such a call may last for ever and is asked for with a few bytes; each costs a task, a reader of the history,
/// and a wake-up for whatever happens.
package final class StreamCounter: Sendable {
    private let streams = Mutex<[UInt32: Int]>([:])

    package init() {}

    /// Answers one such call, counted while it lasts. Nil where this user has as many as `limit`: nothing was answered.
    func counting<Answer: Sendable>(
        _ uid: UInt32, limit: Int, _ answer: () async throws -> Answer
    ) async rethrows -> Answer? {
        guard begin(uid, limit: limit) else { return nil }
        defer { end(uid) }
        return try await answer()
    }

    private func begin(_ uid: UInt32, limit: Int) -> Bool {
        streams.withLock { streams in
            let count = streams[uid] ?? 0
            guard count < limit else { return false }
            streams[uid] = count + 1
            return true
        }
    }

    private func end(_ uid: UInt32) {
        streams.withLock { streams in
            let left = (streams[uid] ?? 1) - 1
            streams[uid] = left > 0 ? left : nil
        }
    }
}
