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
}
