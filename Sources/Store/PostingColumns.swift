import Charging

/// A `Posting` as columns, out of the table.
enum PostingColumns {
    static let names = "id, account, kind, amount, balance_after, at, call, note, operator"

    static func posting(in row: SQLRow) throws -> Posting {
        Posting(
            id: row.text(0), account: row.text(1), kind: try row.choice(2), amount: row.amount(3),
            balanceAfter: row.amount(4), at: row.integer(5),
            call: row.optionalInteger(6).map { UInt64(bitPattern: $0) }, note: row.text(7),
            by: row.text(8))
    }
}
