/// The four permission letters of one line of `/proc/[pid]/maps`.
package struct Permissions: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    // Inlinable, because these are used for every area of every look, and the generic defaults of
    // OptionSet are not specialised across modules: a set literal would cost an array and a loop.
    @inlinable
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    @inlinable
    package init(arrayLiteral elements: Permissions...) {
        var bits: UInt8 = 0
        for element in elements { bits |= element.rawValue }
        self.init(rawValue: bits)
    }

    @inlinable
    package static var read: Permissions { Permissions(rawValue: 1) }
    @inlinable
    package static var write: Permissions { Permissions(rawValue: 2) }
    @inlinable
    package static var execute: Permissions { Permissions(rawValue: 4) }
    /// `s` rather than `p`: writes are seen by everyone who maps the same pages.
    @inlinable
    package static var shared: Permissions { Permissions(rawValue: 8) }

    /// True for PROT_NONE: address space that nobody can touch.
    package var isInaccessible: Bool { isDisjoint(with: [.read, .write, .execute]) }

    /// As the kernel prints it: `rw-p`.
    package var text: String {
        let letters: [UInt8] = [
            contains(.read) ? UInt8(ascii: "r") : UInt8(ascii: "-"),
            contains(.write) ? UInt8(ascii: "w") : UInt8(ascii: "-"),
            contains(.execute) ? UInt8(ascii: "x") : UInt8(ascii: "-"),
            contains(.shared) ? UInt8(ascii: "s") : UInt8(ascii: "p"),
        ]
        return String(decoding: letters, as: UTF8.self)
    }
}
