import Glibc
import Synchronization
import TestSupport

/// Runs `body` on a thread that ends with it: capabilities are a thread's, so what this one gives up or puts out
/// of use, the others keep.
func onOwnThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    let answer = Answer<Value>()
    let work = Work { answer.value.withLock { $0 = Result { try body() } } }
    var thread = pthread_t()
    let raw = Unmanaged.passRetained(work)
    let code = pthread_create(
        &thread, nil,
        { raw in
            guard let raw else { return nil }
            Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().body()
            return nil
        }, raw.toOpaque())
    guard code == 0 else {
        raw.release()
        throw TestFailure("pthread_create: errno \(code)")
    }
    pthread_join(thread, nil)
    guard let result = answer.value.withLock({ $0 }) else { throw TestFailure("the thread gave no answer") }
    return try result.get()
}

/// A mutex cannot be captured; a reference to one can.
private final class Answer<Value: Sendable>: Sendable {
    let value = Mutex<Result<Value, any Error>?>(nil)
}

/// Not generic, because a function that C calls cannot be.
private final class Work: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
