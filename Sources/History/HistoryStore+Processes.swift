import GRDB
package import MemoryModel

extension HistoryStore {
    /// The row of this process: the one it has from before a restart of the daemon, or a new one.
    ///
    /// A row found again takes over what is newer of the description and is no longer ended;
    /// its reader is tightened to `reader` and never loosened.
    ///
    /// - Parameters:
    ///   - rule: the rule that adopts it; nil where it was attached by pid.
    ///   - parent: its parent's pid, where that is known.
    ///   - share: the user who alone wants it watched, and whose share of the history it fills.
    package func register(
        _ description: ProcessDescription, attached: Timestamp, reader: Reader?, rule: String? = nil,
        parent: Int32? = nil, share: UInt32? = nil
    ) throws(HistoryError) -> HistoryProcessID {
        try writing { db, writer in
            let identity = description.identity
            let find = try PreparedStatement(
                cached: db,
                """
                SELECT id FROM process
                WHERE pid = ? AND start_ticks = ? AND boot_id = ? AND pidfd_inode IS ? ORDER BY id DESC LIMIT 1
                """)
            find.bind(1, Int64(identity.pid))
            find.bind(2, Int64(bitPattern: identity.startTicks))
            find.bind(3, text: identity.bootID)
            find.bind(4, identity.pidfdInode.map(Int64.init(bitPattern:)))
            let known = try find.step() ? find.int(0) : nil
            find.reset()
            if let known {
                let update = try PreparedStatement(
                    cached: db,
                    """
                    UPDATE process SET comm = ?2, exe = ifnull(?3, exe), uid = ifnull(?4, uid),
                        gid = ifnull(?5, gid), unit = ifnull(?6, unit), cgroup = ifnull(?7, cgroup),
                        started = ifnull(started, ?8), rule = ifnull(?9, rule), parent = ifnull(parent, ?10),
                        share_uid = ?11, ended = NULL, end_state = NULL WHERE id = ?1
                    """)
                update.bind(1, known)
                bind(description, to: update, from: 2)
                update.bind(9, text: rule)
                update.bind(10, parent.map(Int64.init))
                update.bind(11, share.map(Int64.init))
                try update.run()
                try tighten(db, HistoryProcessID(rawValue: known), to: reader)
                writer.registered(known)
                return HistoryProcessID(rawValue: known)
            }
            let insert = try PreparedStatement(
                cached: db,
                """
                INSERT INTO process (boot_id, comm, exe, uid, gid, unit, cgroup, started, attached, pid,
                    start_ticks, pidfd_inode, reader_uid, reader_gid, rule, parent, share_uid)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id
                """)
            insert.bind(1, text: identity.bootID)
            bind(description, to: insert, from: 2)
            insert.bind(9, attached.microseconds)
            insert.bind(10, Int64(identity.pid))
            insert.bind(11, Int64(bitPattern: identity.startTicks))
            insert.bind(12, identity.pidfdInode.map(Int64.init(bitPattern:)))
            insert.bind(13, reader.map { Int64($0.uid) })
            insert.bind(14, reader.map { Int64($0.gid) })
            insert.bind(15, text: rule)
            insert.bind(16, parent.map(Int64.init))
            insert.bind(17, share.map(Int64.init))
            guard try insert.step() else { throw HistoryError.closed }
            let id = insert.int(0)
            try insert.run()
            writer.registeredNew(id)
            return HistoryProcessID(rawValue: id)
        }
    }

    /// The administrators want this process watched as well: it fills no user's share from now on.
    package func clearShare(of identity: ProcessIdentity) throws(HistoryError) {
        try writing { db, _ in
            let update = try PreparedStatement(
                cached: db,
                """
                UPDATE process SET share_uid = NULL
                WHERE pid = ? AND start_ticks = ? AND boot_id = ? AND pidfd_inode IS ? AND share_uid IS NOT NULL
                """)
            update.bind(1, Int64(identity.pid))
            update.bind(2, Int64(bitPattern: identity.startTicks))
            update.bind(3, text: identity.bootID)
            update.bind(4, identity.pidfdInode.map(Int64.init(bitPattern:)))
            try update.run()
        }
    }

    /// Narrows who may read a process's history. A different reader than before, or none,
    /// leaves nobody but root and the group, for good.
    package func tightenReader(
        _ process: HistoryProcessID, to reader: Reader?
    ) throws(HistoryError) {
        try writing { db, _ in try tighten(db, process, to: reader) }
    }

    private func tighten(_ db: Database, _ process: HistoryProcessID, to reader: Reader?) throws {
        let update = try PreparedStatement(
            cached: db,
            """
            UPDATE process SET reader_uid = NULL, reader_gid = NULL
            WHERE id = ?1 AND (reader_uid IS NOT ?2 OR reader_gid IS NOT ?3)
            """)
        update.bind(1, process.rawValue)
        update.bind(2, reader.map { Int64($0.uid) })
        update.bind(3, reader.map { Int64($0.gid) })
        try update.run()
    }

    /// comm, exe, uid, gid, unit, cgroup, started: seven columns.
    private func bind(_ description: ProcessDescription, to statement: PreparedStatement, from first: Int32) {
        statement.bind(first, blob: description.comm)
        statement.bind(first + 1, blob: description.exe)
        statement.bind(first + 2, description.uid.map(Int64.init))
        statement.bind(first + 3, description.gid.map(Int64.init))
        statement.bind(first + 4, text: description.unit)
        statement.bind(first + 5, text: description.cgroup)
        statement.bind(first + 6, description.started?.microseconds)
    }

    /// The processes in the history, the newest attached first, ended ones too; those of one
    /// pid, or all.
    package func processes(pid: Int32? = nil) throws(HistoryError) -> [HistoryProcess] {
        try processes(pid == nil ? "" : "WHERE pid = ?1") { query in
            if let pid { query.bind(1, Int64(pid)) }
        }
    }

    /// The processes that belong to a systemd unit, ended ones too, the newest attached first.
    package func processes(unit: String) throws(HistoryError) -> [HistoryProcess] {
        try processes("WHERE unit = ?1") { $0.bind(1, text: unit) }
    }

    /// One process; nil where it is not in the history (any more).
    package func process(_ id: HistoryProcessID) throws(HistoryError) -> HistoryProcess? {
        try processes("WHERE id = ?1") { $0.bind(1, id.rawValue) }.first
    }

    private func processes(
        _ condition: String, _ bind: (PreparedStatement) -> Void
    ) throws(HistoryError) -> [HistoryProcess] {
        try reading { db in
            let query = try PreparedStatement(
                cached: db,
                """
                SELECT id, boot_id, pid, start_ticks, pidfd_inode, comm, exe, uid, gid, unit, cgroup, started,
                    attached, ended, end_state, reader_uid, reader_gid, rule, parent
                FROM process \(condition) ORDER BY id DESC
                """)
            bind(query)
            defer { query.reset() }
            var result: [HistoryProcess] = []
            while try query.step() { result.append(process(query)) }
            return result
        }
    }

    private func process(_ row: PreparedStatement) -> HistoryProcess {
        var description = ProcessDescription(
            identity: ProcessIdentity(
                bootID: row.text(1) ?? "", pid: Int32(truncatingIfNeeded: row.int(2)),
                startTicks: UInt64(bitPattern: row.int(3)),
                pidfdInode: row.optionalInt(4).map(UInt64.init(bitPattern:))),
            comm: row.blob(5) ?? [])
        description.exe = row.blob(6)
        description.uid = row.optionalInt(7).map(UInt32.init(truncatingIfNeeded:))
        description.gid = row.optionalInt(8).map(UInt32.init(truncatingIfNeeded:))
        description.unit = row.text(9)
        description.cgroup = row.text(10)
        description.started = row.optionalInt(11).map(Timestamp.init(microseconds:))
        var reader: Reader?
        if let uid = row.optionalInt(15).flatMap(UInt32.init(exactly:)),
            let gid = row.optionalInt(16).flatMap(UInt32.init(exactly:))
        {
            reader = Reader(uid: uid, gid: gid)
        }
        return HistoryProcess(
            id: HistoryProcessID(rawValue: row.int(0)), description: description,
            attached: Timestamp(microseconds: row.int(12)),
            ended: row.optionalInt(13).map(Timestamp.init(microseconds:)),
            endState: row.text(14).flatMap(TargetState.init(rawValue:)), reader: reader, rule: row.text(17),
            parent: row.optionalInt(18).map(Int32.init(truncatingIfNeeded:)))
    }
}
