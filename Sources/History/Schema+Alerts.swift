import GRDB

/// The fifth schema: alerts are found among all other events.
extension Schema {
    /// A daemon that starts asks of each process which alerts were on, and one that has held for a month is one event
    /// among millions. Alerts are few, and the index has no entry for anything else; making it reads the events once and
    /// writes none anew.
    static func addAlerts(_ db: Database) throws {
        try db.execute(sql: "CREATE INDEX event_alert ON event (process, id) WHERE \(isAlert)")
    }

    /// The types of ``EventType/isAlert``, as they were when the index was made: a type that comes later needs one of its
    /// own. SQLite takes the index where a query says the same.
    static let isAlert = "type IN (12, 13, 14, 15, 16)"
}
