import MemoryModel
import TestSupport
import Testing

@testable import Classification

@Suite("What is kept for each image")
struct ImageTableTests {
    @Test("is found by device and inode as in a dictionary, whatever is added and replaced")
    func asDictionary() {
        var random = Seeded(11)
        for size in [0, 1, 7, 8, 9, 500] {
            var table = ImageTable<Int>(minimumCapacity: size % 3 == 0 ? 0 : size)
            var expected: [ImageKey: Int] = [:]
            func key(_ number: UInt64) -> ImageKey {
                // Inode numbers that differ in high bits only, and devices that differ where inodes do.
                ImageKey(
                    device: DeviceNumber(rawValue: UInt32(truncatingIfNeeded: number % 5)),
                    inode: number % 2 == 0 ? number << 32 : number)
            }
            for value in 0..<size {
                let number = key(random.next() % UInt64(2 * size))
                table.set(number, value)
                expected[number] = value
            }
            for number in 0..<UInt64(2 * size + 2) { #expect(table[key(number)] == expected[key(number)]) }
        }
    }

    @Test(
        "is found in a step or two also where inode numbers are an arithmetic progression, whatever the factor"
    )
    func progression() {
        for factor in 0..<20_000 {
            // A hundred libraries, of which every sixth inode number of a directory is one.
            let keys = (0..<100).map {
                ImageKey(device: DeviceNumber(major: 0xfe, minor: 0), inode: UInt64(20_000 + 6 * $0))
            }
            let factor = HashSeed.of("a factor \(factor)") | 1
            var taken = Set<UInt64>()
            var steps = 0
            for key in keys {
                var slot = key.mixed(factor) & 511
                while !taken.insert(slot).inserted {
                    slot = (slot + 1) & 511
                    steps += 1
                }
            }
            // By chance they are 12; one multiplication alone had 1,000 and more for one factor in a thousand.
            #expect(steps < 100, "with the factor \(factor)")
        }
    }
}
