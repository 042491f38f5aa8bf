import Glibc
import Testing

@testable import Varlink
@testable import VarlinkServing

@Suite("When descriptors run out", .timeLimit(.minutes(10)))
struct DescriptorExhaustionTests {
    /// In a process of its own, since the limit is the whole process's.
    @Test("accepting pauses without turning in circles, and goes on when there are some again")
    func exhaustion() async {
        await #expect(processExitsWith: .success) {
            try await withServer {
                $0.acceptPause = .milliseconds(200)
            } _: { server in
                let client = try await server.connect()
                #expect(try await client.call("org.example.test.Echo", ["text": "x"]) == ["text": "x"])
                // One descriptor is left for the client's end, none for the server's.
                var held: [Int32] = []
                var limit = rlimit(rlim_cur: 64, rlim_max: 64)
                #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
                while true {
                    let descriptor = dup(0)
                    guard descriptor >= 0 else { break }
                    held.append(descriptor)
                }
                _ = close(held.removeLast())
                let start = (wall: ContinuousClock.now, processor: Self.processorTime())
                let raw = try RawConnection(server.path)
                raw.send(#"{"method":"org.example.test.Echo","parameters":{"text":"y"}}"#)
                var pauses = 0
                for await event in server.events {
                    guard case .acceptPaused(let errno) = event else { continue }
                    #expect(errno == EMFILE)
                    pauses += 1
                    if pauses == 4 { break }
                }
                // A busy machine makes the first figure larger and not the second.
                let (wall, processor) = (
                    ContinuousClock.now - start.wall, Self.processorTime() - start.processor
                )
                #expect(wall >= .milliseconds(600))
                #expect(processor < wall / 10)
                // Those who are connected do not notice.
                #expect(try await client.call("org.example.test.Echo", ["text": "z"]) == ["text": "z"])
                for descriptor in held { _ = close(descriptor) }
                #expect(try await onThread { try raw.frame() } == #"{"parameters":{"text":"y"}}"#)
            }
        }
    }

    /// What all threads of this process have used.
    private static func processorTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
