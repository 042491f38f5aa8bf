/// A sample as its difference from a base: up to six changed fields, each one integer,
/// `(value - base value) * 32 + field number`. A missing one is NULL.
///
/// Between two looks mostly the resident set changes and one kind or two; a row of full
/// columns would repeat the other 25. Measured: 30 to 40 bytes a stored sample instead of 150.
struct SampleDelta: Equatable {
    static let slotCount = 6

    var slots: InlineArray<6, Int64> = InlineArray(repeating: 0)
    var count = 0

    init() {}

    /// nil where more than six fields differ, a field became known or unknown, or the unit
    /// changed: then the sample needs a base of its own.
    init?(_ fields: borrowing SampleFields, from base: borrowing SampleFields) {
        guard fields.present == base.present, fields.unit == base.unit else { return nil }
        for field in 0..<SampleField.count where fields.values[field] != base.values[field] {
            let change = fields.values[field] &- base.values[field]
            guard count < Self.slotCount, change >= -(1 << 57), change < 1 << 57 else { return nil }
            slots[count] = change << 5 | Int64(field)
            count += 1
        }
    }

    func applied(to base: borrowing SampleFields) -> SampleFields {
        var fields = copy base
        for index in 0..<count {
            let field = Int(slots[index] & 31)
            // 29…31 name no field: a damaged row changes nothing.
            if field < SampleField.count { fields.values[field] &+= slots[index] >> 5 }
        }
        return fields
    }

    static func == (a: SampleDelta, b: SampleDelta) -> Bool {
        guard a.count == b.count else { return false }
        for index in 0..<a.count where a.slots[index] != b.slots[index] { return false }
        return true
    }

    /// Binds the six columns, from `first` on.
    func bind(to statement: PreparedStatement, from first: Int32) {
        for index in 0..<Self.slotCount {
            statement.bind(first + Int32(index), index < count ? slots[index] : nil)
        }
    }

    /// Reads the six columns, from `first` on.
    init(_ statement: PreparedStatement, from first: Int32) {
        while count < Self.slotCount, let slot = statement.optionalInt(first + Int32(count)) {
            slots[count] = slot
            count += 1
        }
    }
}
