import MemoryModel
import TestSupport
import Testing

@testable import ProcFS

@Suite("Asking about places of a map")
struct AreaTests {
    @Test("the answers are the areas of maps that overlap the place, without their names")
    func answers() throws {
        let subject = try Subject("resident", String(1 << 20))
        let process = try subject.open()
        var look = MapsLook()
        try process.look(into: &look)
        let known = look.areas.filter { $0.start < 0x8000_0000_0000_0000 }.map { area in
            var area = area
            area.path = .none
            return area
        }
        for (index, area) in known.enumerated() {
            let found = process.areas(overlapping: [area.start + 4096 - 1..<area.end])
            guard let found else {
                withKnownIssue("needs PROCMAP_QUERY (Linux 6.11)") { Issue.record("not available") }
                return
            }
            #expect(found == [[area]])
            guard index > 0 else { continue }
            // A hole has nothing, and what lies above it is not of it.
            if known[index - 1].end < area.start {
                #expect(process.areas(overlapping: [known[index - 1].end..<area.start]) == [[]])
            }
            let both = known[index - 1].end - 1..<area.start + 1
            #expect(process.areas(overlapping: [both]) == [[known[index - 1], area]])
        }
        #expect(process.areas(overlapping: [0..<UInt64.max], limit: 2) == nil)
        subject.kill()
        #expect(process.areas(overlapping: [known[0].start..<known[0].end]) == nil)
    }
}
