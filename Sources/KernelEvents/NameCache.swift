/// Gives one array for names that come again and again, so that a program that maps one file a thousand
/// times does not allocate its name a thousand times.
///
/// A slot for each hash, and the newest name in it: bounded, whatever names the watched choose.
struct NameCache {
    private var slots: [[UInt8]] = Array(repeating: [], count: 256)

    mutating func intern(_ name: UnsafeRawBufferPointer) -> [UInt8] {
        var hasher = Hasher()
        hasher.combine(bytes: name)
        let slot = hasher.finalize() & (slots.count - 1)
        if slots[slot].count == name.count, slots[slot].elementsEqual(name) { return slots[slot] }
        let bytes = Array(name)
        // 256 of the longest names would be a megabyte.
        if name.count <= 256 { slots[slot] = bytes }
        return bytes
    }
}
