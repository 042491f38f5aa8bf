import Glibc

/// A name in a ``PathTable``.
package struct PathID: Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// No name: plain anonymous memory.
    package static let none = PathID(rawValue: 0)
}

/// The distinct names in one process's maps, as raw bytes.
///
/// A process of 30,000 areas has a few dozen names. Each is stored once in one byte
/// array; areas carry a four-byte ``PathID``. Names are bytes and not `String`, because
/// file names are bytes: maps prints invalid UTF-8 and control characters as they are.
///
/// Lookup is an open-addressing hash table over the byte array, so that interning a
/// known name allocates nothing.
package struct PathTable: Sendable {
    private var storage: [UInt8] = []
    /// `ends[i]` is where name i ends in `storage`; name 0 is the empty one.
    private var ends: [UInt32] = [0]
    /// Slots of PathID raw values; 0 is free. Always a power of two, at most half full.
    private var slots: [UInt32] = Array(repeating: 0, count: 64)

    package init() {}

    /// True if there are so many names that a process which maps ever new files may be filling the table.
    package var mayForgetNames: Bool { count > 1024 || byteCount > 65_536 }

    /// Gives back what room it has beyond what its names take, for a table that will hardly grow any more.
    package mutating func trim() {
        if storage.capacity > storage.count + 64 {
            storage = storage.withUnsafeBufferPointer { Array($0) }
        }
        if ends.capacity > ends.count + 16 { ends = ends.withUnsafeBufferPointer { Array($0) } }
    }

    /// True if both have the same names under the same ids.
    package func isEqual(to other: PathTable) -> Bool { ends == other.ends && storage == other.storage }

    /// Names in the table, the empty one included.
    package var count: Int { ends.count }

    /// Bytes all names take together.
    package var byteCount: Int { storage.count }

    /// The id of `name`, adding it if it is new. The empty name is ``PathID/none``.
    ///
    /// Returns ``PathID/none`` for a name that no longer fits in 4 GiB of names.
    package mutating func intern(_ name: UnsafeRawBufferPointer) -> PathID {
        if name.isEmpty { return .none }
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: Self.hash(name)) & mask
        while slots[slot] != 0 {
            if isEqual(slots[slot], name) { return PathID(rawValue: slots[slot]) }
            slot = (slot + 1) & mask
        }
        guard storage.count + name.count < Int(UInt32.max), ends.count < Int(UInt32.max) else { return .none }
        let id = UInt32(ends.count)
        storage.append(contentsOf: name)
        ends.append(UInt32(storage.count))
        slots[slot] = id
        if ends.count * 2 > slots.count { grow() }
        return PathID(rawValue: id)
    }

    package mutating func intern(_ name: [UInt8]) -> PathID {
        name.withUnsafeBytes { intern($0) }
    }

    /// The id of `name` if it is there.
    package func find(_ name: UnsafeRawBufferPointer) -> PathID? {
        if name.isEmpty { return PathID.none }
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: Self.hash(name)) & mask
        while slots[slot] != 0 {
            if isEqual(slots[slot], name) { return PathID(rawValue: slots[slot]) }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// The bytes of a name. An id of another table gives the empty name or a wrong one, never a trap.
    package func bytes(of id: PathID) -> ArraySlice<UInt8> { storage[range(of: id)] }

    /// The same without making a slice.
    package func withBytes<Result, Failure: Error>(
        of id: PathID, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let range = range(of: id)
        var outcome: Swift.Result<Result, Failure>?
        storage.withUnsafeBytes { all in
            do throws(Failure) {
                outcome = .success(try body(UnsafeRawBufferPointer(rebasing: all[range])))
            } catch {
                outcome = .failure(error)
            }
        }
        guard let outcome else { preconditionFailure("withUnsafeBytes always calls its body") }
        return try outcome.get()
    }

    /// All names at once, one after the other, and where each ends: for who looks at all of them, or at one here and
    /// there, without a call for each. Name 0 is the empty one.
    package func withNames(_ body: (UnsafeRawBufferPointer, _ ends: UnsafeBufferPointer<UInt32>) -> Void) {
        storage.withUnsafeBytes { bytes in ends.withUnsafeBufferPointer { body(bytes, $0) } }
    }

    private func range(of id: PathID) -> Range<Int> {
        let index = Int(id.rawValue)
        guard index > 0, index < ends.count else { return 0..<0 }
        return Int(ends[index - 1])..<Int(ends[index])
    }

    private func isEqual(_ id: UInt32, _ name: UnsafeRawBufferPointer) -> Bool {
        let range = range(of: PathID(rawValue: id))
        guard range.count == name.count else { return false }
        return storage.withUnsafeBytes { all in
            // Both are as long as `name`, which is not empty.
            guard let stored = all.baseAddress, let asked = name.baseAddress else { return false }
            return memcmp(stored + range.lowerBound, asked, name.count) == 0
        }
    }

    private mutating func grow() {
        var larger = [UInt32](repeating: 0, count: slots.count * 2)
        let mask = larger.count - 1
        storage.withUnsafeBytes { all in
            for id in 1..<ends.count {
                let name = UnsafeRawBufferPointer(rebasing: all[Int(ends[id - 1])..<Int(ends[id])])
                var slot = Int(truncatingIfNeeded: Self.hash(name)) & mask
                while larger[slot] != 0 { slot = (slot + 1) & mask }
                larger[slot] = UInt32(id)
            }
        }
        slots = larger
    }

    private static let seed = HashSeed.of("PathTable")

    /// FNV-1a over eight bytes at a time, with a final mix.
    private static func hash(_ name: UnsafeRawBufferPointer) -> UInt64 {
        var state = seed ^ UInt64(truncatingIfNeeded: name.count)
        var index = 0
        while index + 8 <= name.count {
            let word = name.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            state = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
            state ^= state >> 32
            index += 8
        }
        while index < name.count {
            state = (state ^ UInt64(name[index])) &* 0x0000_0100_0000_01b3
            index += 1
        }
        state ^= state >> 29
        return state &* 0xbf58_476d_1ce4_e5b9 ^ (state >> 32)
    }
}
