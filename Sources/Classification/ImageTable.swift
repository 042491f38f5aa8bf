package import MemoryModel

/// Something for each of a process's images.
///
/// Instead of a dictionary, whose hashing took a fifth of the time between reading a new process's areas and knowing
/// what they are: each image is looked up a dozen times. Whoever chooses which files a process maps cannot choose
/// inode numbers that collide, because the factor is drawn when the program starts.
package struct ImageTable<Value>: ExpressibleByDictionaryLiteral {
    /// In the order they were added. Apart from ``values``, because to let go of an array of pairs the runtime must
    /// first find out what a pair is, at each of them.
    package private(set) var keys: [ImageKey] = []
    /// By the same index.
    package private(set) var values: [Value] = []
    /// One more than the index into ``keys``, 0 where there is none; at least twice as many as those, and a
    /// power of two.
    private var slots: [Int32] = []
    /// Kept here, because asking for what is made once asks each time whether it is made.
    private let factor = ImageFactor.value

    package init(minimumCapacity: Int = 0) {
        guard minimumCapacity > 0 else { return }
        keys.reserveCapacity(minimumCapacity)
        values.reserveCapacity(minimumCapacity)
        makeSlots(for: minimumCapacity)
    }

    package init(dictionaryLiteral elements: (ImageKey, Value)...) {
        self.init(minimumCapacity: elements.count)
        for (key, value) in elements { set(key, value) }
    }

    package subscript(_ key: ImageKey) -> Value? {
        guard !slots.isEmpty else { return nil }
        let number = slots[slot(of: key)]
        return number == 0 ? nil : values[Int(number) - 1]
    }

    /// Adds, or replaces what there is.
    package mutating func set(_ key: ImageKey, _ value: Value) {
        if slots.count < 2 * (keys.count + 1) { makeSlots(for: 2 * (keys.count + 1)) }
        let slot = slot(of: key)
        if slots[slot] != 0 {
            values[Int(slots[slot]) - 1] = value
        } else {
            keys.append(key)
            values.append(value)
            slots[slot] = Int32(truncatingIfNeeded: keys.count)
        }
    }

    /// Where the key is, or would be; there always is a free one.
    private func slot(of key: ImageKey) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: key.mixed(factor)) & mask
        while slots[slot] != 0, keys[Int(slots[slot]) - 1] != key { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func makeSlots(for count: Int) {
        var size = 16
        while size < 2 * count { size *= 2 }
        slots = [Int32](repeating: 0, count: size)
        for (index, key) in keys.enumerated() { slots[slot(of: key)] = Int32(truncatingIfNeeded: index + 1) }
    }
}

extension ImageTable: Sendable where Value: Sendable {}

/// The images that a process maps and what their headers say, in the order of their areas.
///
/// Not by key: they are a few dozen, asked for when something changes only, and a thousand targets have them.
package struct KnownImages: Sendable {
    package private(set) var keys: [ImageKey] = []
    package private(set) var layouts: [ImageLayout] = []

    package init() {}

    package var count: Int { keys.count }

    package mutating func reserveCapacity(_ count: Int) {
        keys.reserveCapacity(count)
        layouts.reserveCapacity(count)
    }

    /// Each image once.
    package mutating func append(_ key: ImageKey, _ layout: ImageLayout) {
        keys.append(key)
        layouts.append(layout)
    }

    /// True if it is of these images, in this order.
    package func isOf(_ images: [(ImageKey, VMA)]) -> Bool {
        guard images.count == keys.count else { return false }
        for index in keys.indices where keys[index] != images[index].0 { return false }
        return true
    }

    package func isEqual(to other: KnownImages) -> Bool { keys == other.keys && layouts == other.layouts }
}

/// What other modules do with layouts, compiled here for these: there the generic code above would find out at
/// each step what it handles.
extension ImageTable<ImageLayout> {
    package init(_ known: KnownImages) {
        guard known.count > 0 else { return }
        keys = known.keys
        values = known.layouts
        makeSlots(for: known.count)
    }

    package func layout(of key: ImageKey) -> ImageLayout? { self[key] }
}

extension ImageKey {
    /// Multiplied twice. Inode numbers of one directory are often an arithmetic progression, and one multiplication
    /// keeps that: with one factor in a hundred, a hundred libraries then collided ten times as often as by chance,
    /// for as long as the program ran. The second, by the golden ratio, breaks it up.
    func mixed(_ factor: UInt64) -> UInt64 {
        let once = folded((inode ^ UInt64(device.rawValue) &<< 32).multipliedFullWidth(by: factor))
        return folded(once.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15))
    }

    private func folded(_ product: (high: UInt64, low: UInt64)) -> UInt64 { product.high ^ product.low }
}

private enum ImageFactor {
    /// Odd, so that no bit of a key is lost.
    static let value = HashSeed.of("ImageTable") | 1
}
