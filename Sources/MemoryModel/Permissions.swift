/// The four permission letters of one line of `/proc/[pid]/maps`.
package struct Permissions: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let read = Permissions(rawValue: 1)
    package static let write = Permissions(rawValue: 2)
    package static let execute = Permissions(rawValue: 4)
    /// `s` rather than `p`: writes are seen by everyone who maps the same pages.
    package static let shared = Permissions(rawValue: 8)

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
