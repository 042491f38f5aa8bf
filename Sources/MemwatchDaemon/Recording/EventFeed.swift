import Synchronization

/// Wakes those who follow events.
///
/// A follower gets no events through this, only the word that there are new ones; it reads them from
/// the history, from the last id it has seen. So a slow follower costs no memory here, and none can
/// miss or get twice what was written while it was subscribing.
package final class EventFeed: Sendable {
    private struct State {
        var nextID = 0
        var followers: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// An element for each time (or several times) that events were written, until the task ends.
    package func wakeUps() -> AsyncStream<Void> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let id = state.withLock { state in
                let id = state.nextID
                state.nextID += 1
                state.followers[id] = continuation
                return id
            }
            continuation.onTermination = { [weak self] _ in
                self?.state.withLock { state in _ = state.followers.removeValue(forKey: id) }
            }
        }
    }

    package func wake() {
        let followers = state.withLock { Array($0.followers.values) }
        for follower in followers { follower.yield() }
    }
}
