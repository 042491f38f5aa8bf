import GRDB

/// The fourth schema: how much of the history each user fills.
extension Schema {
    /// `share_uid`: who alone had the process watched; NULL where the administrators did too, and of all that
    /// there was before. `share_rows`: its samples, regions and events, as they were counted when they were written
    /// and removed.
    ///
    /// Adding columns rewrites no table.
    static func addShares(_ db: Database) throws {
        try db.execute(
            sql: """
                ALTER TABLE process ADD COLUMN share_uid INTEGER;
                ALTER TABLE process ADD COLUMN share_rows INTEGER NOT NULL DEFAULT 0;
                """)
    }
}
