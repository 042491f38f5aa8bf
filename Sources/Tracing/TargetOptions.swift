/// How a target is watched, and for whom.
///
/// One process may be watched for several at once: for the administrators (root, the group, rules; the user of
/// a daemon of its own) and for each user whose process it is. What one of them asked for, no other slows down
/// or ends: the target is looked at as often as the most demanding wants.
package struct TargetOptions: Hashable, Sendable {
    /// What one of them wants.
    package struct Wish: Hashable, Sendable {
        /// Between looks; within ``intervalRange``.
        package var intervalMicroseconds: Int64
        /// The text of the rule that adopted it.
        package var rule: String?
        package var followsChildren: Bool

        package init(intervalMicroseconds: Int64, rule: String? = nil, followsChildren: Bool = false) {
            self.intervalMicroseconds = min(
                max(intervalMicroseconds, TargetOptions.intervalRange.lowerBound),
                TargetOptions.intervalRange.upperBound)
            self.rule = rule
            self.followsChildren = followsChildren
        }
    }

    /// nil where only users want it.
    package var administrators: Wish?
    /// By uid.
    package var users: [UInt32: Wish] = [:]

    /// 100 ms to 1 h.
    package static let intervalRange: ClosedRange<Int64> = 100_000...3_600_000_000

    /// For nobody.
    package init() {}

    /// - Parameter user: for whom; nil: for the administrators.
    package init(
        intervalMicroseconds: Int64, rule: String? = nil, followsChildren: Bool = false, user: UInt32? = nil
    ) {
        self[user] = Wish(
            intervalMicroseconds: intervalMicroseconds, rule: rule, followsChildren: followsChildren)
    }

    /// What a user wants; at nil, the administrators.
    package subscript(user: UInt32?) -> Wish? {
        get { user.map { users[$0] } ?? administrators }
        set { if let user { users[user] = newValue } else { administrators = newValue } }
    }

    /// The user who alone wants it; nil where the administrators do too.
    package var share: UInt32? { administrators == nil ? users.keys.min() : nil }

    package var isEmpty: Bool { administrators == nil && users.isEmpty }

    /// These, and in their place where somebody wants something else now, the others.
    package func merging(_ others: TargetOptions) -> TargetOptions {
        var merged = self
        merged.administrators = others.administrators ?? administrators
        merged.users.merge(others.users) { $1 }
        return merged
    }

    // MARK: What comes of it

    package var intervalMicroseconds: Int64 {
        let least = users.values.lazy.map(\.intervalMicroseconds).min()
        guard let asked = administrators?.intervalMicroseconds else { return least ?? 1_000_000 }
        return min(asked, least ?? asked)
    }

    package var followsChildren: Bool {
        administrators?.followsChildren == true || users.values.contains(where: \.followsChildren)
    }

    /// The administrators' rule; where they do not want the target, a user's.
    package var rule: String? {
        if let administrators { return administrators.rule }
        return users.values.lazy.compactMap(\.rule).first
    }
}
