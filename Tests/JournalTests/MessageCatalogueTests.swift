import Foundation
import Journal
import MemoryModel
import Testing

@Suite("The message catalogue")
struct MessageCatalogueTests {
    @Test("has a text for every message id, and for no other")
    func complete() throws {
        let text = try String(contentsOfFile: repositoryRoot() + "/systemd/memwatch.catalog", encoding: .utf8)
        let ids = text.split(separator: "\n").filter { $0.hasPrefix("-- ") }.map { String($0.dropFirst(3)) }
        let expected = EventType.allCases.map(JournalMessageID.of) + DaemonMessage.allCases.map(\.rawValue)
        #expect(ids == expected)
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.count == 32 && $0.allSatisfy(\.isHexDigit) && $0 == $0.lowercased() })
    }
}
