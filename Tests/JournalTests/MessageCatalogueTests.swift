import Journal
import MemoryModel
import TestSupport
import Testing

@Suite("The message catalogue")
struct MessageCatalogueTests {
    private var checkout: String { #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } }

    @Test("has a text for every message id, and for no other")
    func complete() throws {
        let text = try readText(checkout + "/systemd/memwatch.catalog")
        let ids = text.split(separator: "\n").filter { $0.hasPrefix("-- ") }.map { String($0.dropFirst(3)) }
        let expected = EventType.allCases.map(JournalMessageID.of) + DaemonMessage.allCases.map(\.rawValue)
        #expect(ids == expected)
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.count == 32 && $0.allSatisfy(\.isHexDigit) && $0 == $0.lowercased() })
    }
}
