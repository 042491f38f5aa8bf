import GRDB
import MemoryModel

extension HistoryStore {
    /// What clients attached and did not detach, in the order of attaching.
    package func attachments() throws(HistoryError) -> [HistoryAttachment] {
        try reading { db in
            let query = try PreparedStatement(
                cached: db,
                """
                SELECT boot_id, pid, start_ticks, pidfd_inode, rule, interval, children, owner_uid
                FROM attachment ORDER BY id
                """)
            defer { query.reset() }
            var result: [HistoryAttachment] = []
            while try query.step() {
                let subject: HistoryAttachment.Subject
                if let rule = query.text(4) {
                    subject = .rule(rule)
                } else {
                    subject = .process(
                        ProcessIdentity(
                            bootID: query.text(0) ?? "", pid: Int32(truncatingIfNeeded: query.int(1)),
                            startTicks: UInt64(bitPattern: query.int(2)),
                            pidfdInode: query.optionalInt(3).map(UInt64.init(bitPattern:))))
                }
                result.append(
                    HistoryAttachment(
                        subject: subject, intervalMicroseconds: query.optionalInt(5),
                        children: query.int(6) != 0, ownerUID: UInt32(truncatingIfNeeded: query.int(7))))
            }
            return result
        }
    }

    /// Keeps an attachment over restarts, in place of an earlier one of the same subject and owner.
    package func saveAttachment(_ attachment: HistoryAttachment) throws(HistoryError) {
        try writing { db, _ in
            try Self.remove(db, attachment.subject, owner: attachment.ownerUID)
            let insert = try PreparedStatement(
                cached: db,
                """
                INSERT INTO attachment (boot_id, pid, start_ticks, pidfd_inode, rule, owner_uid, interval, children)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """)
            Self.bind(attachment.subject, to: insert)
            insert.bind(6, Int64(attachment.ownerUID))
            insert.bind(7, attachment.intervalMicroseconds)
            insert.bind(8, attachment.children ? 1 : 0)
            try insert.run()
        }
    }

    /// Forgets the attachments of a subject: those of one owner, or (nil) of all.
    package func removeAttachment(
        _ subject: HistoryAttachment.Subject, owner: UInt32? = nil
    ) throws(HistoryError) {
        try writing { db, _ in try Self.remove(db, subject, owner: owner) }
    }

    private static func remove(
        _ db: Database, _ subject: HistoryAttachment.Subject, owner: UInt32?
    ) throws {
        let delete = try PreparedStatement(
            cached: db,
            """
            DELETE FROM attachment WHERE boot_id IS ? AND pid IS ? AND start_ticks IS ? AND pidfd_inode IS ?
                AND rule IS ? AND owner_uid = ifnull(?, owner_uid)
            """)
        bind(subject, to: delete)
        delete.bind(6, owner.map(Int64.init))
        try delete.run()
    }

    private static func bind(_ subject: HistoryAttachment.Subject, to statement: PreparedStatement) {
        switch subject {
        case .process(let identity):
            statement.bind(1, text: identity.bootID)
            statement.bind(2, Int64(identity.pid))
            statement.bind(3, Int64(bitPattern: identity.startTicks))
            statement.bind(4, identity.pidfdInode.map(Int64.init(bitPattern:)))
            statement.bind(5, text: nil)
        case .rule(let rule):
            for index in Int32(1)...4 { statement.bind(index, nil) }
            statement.bind(5, text: rule)
        }
    }
}
