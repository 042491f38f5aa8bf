/// A block or anonymous device as `/proc/[pid]/maps` prints it, `major:minor` in hexadecimal.
package struct DeviceNumber: Hashable, Sendable {
    /// 12 bits of major and 20 bits of minor number, the kernel's own `dev_t` layout.
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package init(major: UInt32, minor: UInt32) {
        rawValue = (major & 0xfff) << 20 | (minor & 0xfffff)
    }

    package static let none = DeviceNumber(rawValue: 0)

    package var major: UInt32 { rawValue >> 20 }
    package var minor: UInt32 { rawValue & 0xfffff }

    /// `08:01`, as in maps: at least two hexadecimal digits each.
    package var text: String { Self.hex(major) + ":" + Self.hex(minor) }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return digits.utf8.count < 2 ? "0" + digits : digits
    }
}
