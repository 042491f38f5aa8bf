import MemoryModel
import Testing

@Suite("Sizes as people read them")
struct BinarySizeTests {
    @Test(
        "Below 1 KiB sizes are exact, above they have one decimal",
        arguments: [
            (0, "0 B"), (512, "512 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_536, "1.5 KiB"),
            (12 << 20, "12.0 MiB"), (1_048_525, "1.0 MiB"), (1_048_524, "1023.9 KiB"),
            (100_977_868, "96.3 MiB"),
            (1_075, "1.0 KiB"), (1_076, "1.1 KiB"), (1 << 30, "1.0 GiB"), (1 << 50, "1.0 PiB"),
            (1 << 60, "1.0 EiB"), (5 << 40, "5.0 TiB"), (.max, "16.0 EiB"), ((1 << 60) - 1, "1.0 EiB"),
        ] as [(UInt64, String)])
    func humanSizes(bytes: UInt64, text: String) {
        #expect(BinarySize.text(bytes) == text)
    }

    @Test("A change carries its sign")
    func changes() {
        #expect(BinarySize.text(change: 12 << 20) == "+12.0 MiB")
        #expect(BinarySize.text(change: -512) == "-512 B")
        #expect(BinarySize.text(change: 0) == "0 B")
        #expect(BinarySize.text(change: .min) == "-8.0 EiB")
    }
}
