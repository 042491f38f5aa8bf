import MemoryModel

/// Something for each of a process's images.
///
/// Instead of a dictionary, whose hashing took a fifth of the time between reading a new process's areas and knowing
/// what they are: each image is looked up a dozen times. Whoever chooses which files a process maps cannot choose
/// inode numbers that collide, because the factor is drawn when the program starts.
package struct ImageTable<Value>: ExpressibleByDictionaryLiteral {
    /// In the order they were added.
    package private(set) var entries: [(key: ImageKey, value: Value)] = []
    /// One more than the index into ``entries``, 0 where there is none; at least twice as many as those, and a
    /// power of two.
    private var slots: [Int32] = []

    package init(minimumCapacity: Int = 0) {
        entries.reserveCapacity(minimumCapacity)
        if minimumCapacity > 0 { makeSlots(for: minimumCapacity) }
    }

    package init(dictionaryLiteral elements: (ImageKey, Value)...) {
        self.init(minimumCapacity: elements.count)
        for (key, value) in elements { set(key, value) }
    }

    package subscript(_ key: ImageKey) -> Value? {
        slots.isEmpty ? nil : index(in: slot(of: key)).map { entries[$0].value }
    }

    /// Adds, or replaces what there is.
    package mutating func set(_ key: ImageKey, _ value: Value) {
        if slots.count < 2 * (entries.count + 1) { makeSlots(for: 2 * (entries.count + 1)) }
        let slot = slot(of: key)
        if let index = index(in: slot) {
            entries[index].value = value
        } else {
            entries.append((key, value))
            slots[slot] = Int32(truncatingIfNeeded: entries.count)
        }
    }

    private func index(in slot: Int) -> Int? { slots[slot] == 0 ? nil : Int(slots[slot]) - 1 }

    /// Where the key is, or would be; there always is a free one.
    private func slot(of key: ImageKey) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: key.mixed) & mask
        while slots[slot] != 0, entries[Int(slots[slot]) - 1].key != key { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func makeSlots(for count: Int) {
        var size = 16
        while size < 2 * count { size *= 2 }
        slots = [Int32](repeating: 0, count: size)
        for (index, entry) in entries.enumerated() {
            slots[slot(of: entry.key)] = Int32(truncatingIfNeeded: index + 1)
        }
    }
}

extension ImageTable: Sendable where Value: Sendable {}

extension ImageKey {
    fileprivate var mixed: UInt64 {
        let product = (inode ^ UInt64(device.rawValue) &<< 32).multipliedFullWidth(by: ImageFactor.value)
        return product.high ^ product.low
    }
}

private enum ImageFactor {
    static let value = UInt64.random(in: .min ... .max) | 1
}
