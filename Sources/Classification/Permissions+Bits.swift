import MemoryModel

/// The questions the rules ask of every area, as bit tests: `contains` of an option set from
/// another module is a call through its protocol, and an array literal an allocation. Measured
/// with 40,000 areas, these were half the cost of classifying.
extension Permissions {
    var isReadWriteOnly: Bool { rawValue & 0b1111 == 0b0011 }
    var isWritable: Bool { rawValue & 0b0010 != 0 }
    var isExecutable: Bool { rawValue & 0b0100 != 0 }
    var isShared: Bool { rawValue & 0b1000 != 0 }
    var isNone: Bool { rawValue & 0b0111 == 0 }
}
