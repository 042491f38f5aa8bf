import GRDB
import MemoryModel

/// How one user stands whose processes fill more than that user's share of the history.
struct UserShare: Sendable {
    /// Nothing older is kept of this user while ``isExceeded``.
    var cutoff: Timestamp
    var isExceeded = false
}

// A user may have processes watched, and make them busy. What that fills is that user's own share: where it is
// full, the oldest of it goes, and nobody else's.
extension RetentionPass {
    func cutoff(ofShare uid: Int64?) -> Timestamp {
        guard let share = uid.flatMap({ state.shares[$0] }), share.isExceeded else { return .distantPast }
        return share.cutoff
    }

    /// Brings the count of a process's rows up to date, after a visit that began at `before`.
    func countRows(of process: Int64, since before: RetentionReport) throws {
        let change =
            writer.takeNewRows(of: process) + Int64(report.madeRows - before.madeRows)
            - Int64(report.removedRows - before.removedRows)
            - Int64(report.rolledUpSamples - before.rolledUpSamples)
        if change != 0 { try writer.statements.addRows(process, change) }
    }

    /// While a user has more rows than it may, those older than an eighth of the whole time go, pass by
    /// pass. True while there is more to go.
    mutating func adjustShares() throws -> Bool {
        let query = try PreparedStatement(
            cached: db,
            """
            SELECT share_uid, sum(share_rows), min(attached) FROM process WHERE share_uid IS NOT NULL
            GROUP BY share_uid
            """)
        defer { query.reset() }
        // Down to a sixteenth below the limit, so that not every slice has to.
        let limit = configuration.maximumRowsPerUser
        var shares: [Int64: UserShare] = [:]
        while try query.step() {
            let oldest = Timestamp(microseconds: query.int(2))
            var share = state.shares[query.int(0)] ?? UserShare(cutoff: oldest)
            let isOver = query.int(1) > (share.isExceeded ? limit - limit / 16 : limit)
            // What is left at the end are the maps of living processes.
            share.isExceeded = isOver && share.cutoff < now
            if share.isExceeded {
                let begin = max(oldest, share.cutoff)
                let span = now.microseconds.subtractingSaturating(begin.microseconds)
                share.cutoff = Timestamp(
                    microseconds: begin.microseconds.addingSaturating(max(span / 8, 60_000_000)))
            } else if share.cutoff.microseconds > now.microseconds.addingSaturating(60_000_000) {
                // The clock has stepped back.
                share.cutoff = oldest
            }
            shares[query.int(0)] = share
        }
        state.shares = shares
        return shares.values.contains(where: \.isExceeded)
    }
}
