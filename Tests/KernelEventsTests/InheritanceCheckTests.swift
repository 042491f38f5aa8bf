import Testing

@testable import KernelEvents

@Suite("Whether a thread inherited events that were opened while it was made")
struct InheritanceCheckTests {
    private static let millisecond: Int64 = 1_000_000
    private var check = InheritanceCheck()

    init() { check.watch([10, 11], since: 100) }

    /// Thread 20 of process 1, which thread 10 has made at 200.
    private mutating func make(at time: Int64 = 200, isFollowed: Bool = true) {
        check.made(20, of: 1, by: 10, at: time, isFollowed: isFollowed)
    }

    private mutating func step(at now: Int64, handedOn: Int64? = nil, exists: Bool) -> Set<Int32> {
        check.step(at: now, handedOn: handedOn ?? now) { _, _ in exists }
    }

    @Test("the first that each thread makes is waited for, and its further ones are not")
    mutating func first() {
        make()
        #expect(check.awaited == 1)
        check.made(21, of: 1, by: 10, at: 201, isFollowed: true)
        check.made(22, of: 1, by: 12, at: 202, isFollowed: true)
        #expect(check.awaited == 1)
        check.made(23, of: 1, by: 11, at: 203, isFollowed: true)
        #expect(check.awaited == 2)
    }

    @Test("one that writes anything has inherited")
    mutating func heard() {
        make()
        check.heard(21)
        #expect(check.awaited == 1)
        check.heard(20)
        #expect(check.awaited == 0)
        #expect(step(at: 10_000 * Self.millisecond, exists: false).isEmpty)
        #expect(check.isOver)
    }

    @Test("one that is gone is missing when all that was written before has been handed on, and not before")
    mutating func gone() {
        make()
        #expect(step(at: 300, handedOn: 250, exists: false).isEmpty)
        #expect(step(at: 310, handedOn: 290, exists: false).isEmpty)
        #expect(check.awaited == 1)
        #expect(step(at: 320, handedOn: 301, exists: false) == [1])
        #expect(check.awaited == 0)
        #expect(step(at: 330, exists: false).isEmpty)
    }

    @Test("one whose last words are handed on after it was found gone is not missing")
    mutating func lastWords() {
        make()
        #expect(step(at: 300, handedOn: 250, exists: false).isEmpty)
        check.heard(20)
        #expect(step(at: 320, exists: false).isEmpty)
    }

    @Test("one that lives and says nothing for a quarter of a second is looked for")
    mutating func silent() {
        make()
        #expect(step(at: 250 * Self.millisecond, exists: true).isEmpty)
        #expect(step(at: 251 * Self.millisecond, exists: true) == [1])
    }

    @Test("what was made before all was listed, long after, or is not followed, is not waited for")
    mutating func notConcerned() {
        make(at: 99)
        #expect(check.awaited == 0)
        // The one under way has shown itself with that, and the next inherits.
        make()
        #expect(check.awaited == 0)
        check.watch([10], since: 100)
        make(at: 2_000 * Self.millisecond + 100)
        #expect(check.awaited == 0)
        check.watch([10], since: 100)
        make(isFollowed: false)
        #expect(check.awaited == 0)
    }

    @Test("after two seconds no fork can be under way any more")
    mutating func over() {
        _ = step(at: 1_999 * Self.millisecond, exists: true)
        #expect(!check.isOver)
        _ = step(at: 2_001 * Self.millisecond, exists: true)
        #expect(check.isOver)
    }
}
