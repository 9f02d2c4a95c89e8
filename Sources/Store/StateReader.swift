import Charging
import GRDB
import SIP
import Switching

/// Reads all that the switch begins with.
struct StateReader {
    let database: Database

    func state(start: UInt32) throws -> StoredState {
        var state = StoredState(tariff: try tariff())
        state.extensions = try extensions()
        state.userSettings = try userSettings()
        state.accounts = try accounts()
        state.bindings = try bindings()
        state.postings = try postings()
        state.runningCalls = try runningCalls()
        let last = try Int64.fetchOne(database, sql: "SELECT max(sequence) FROM record")
        state.lastSequence = UInt64(bitPattern: last ?? 0)
        state.start = start
        return state
    }

    private func all<T>(_ sql: String, _ read: (SQLRow) throws -> T) throws -> [T] {
        let cursor = try Row.fetchCursor(database, sql: sql)
        var list: [T] = []
        while let row = try cursor.next() { list.append(try read(SQLRow(row: row))) }
        return list
    }

    private func extensions() throws -> [Extension] {
        try all(
            """
            SELECT number, name, md5, sha256, sha512_256, realm, level, account, call_limit
            FROM extension ORDER BY number
            """
        ) { row in
            Extension(
                number: row.text(0), name: row.text(1),
                secret: StoredSecret(
                    md5: row.text(2), sha256: row.text(3), sha512t256: row.text(4)),
                realm: row.text(5), level: row.text(6), account: row.optionalText(7),
                callLimit: try row.number(8))
        }
    }

    private func userSettings() throws -> [String: UserSettings] {
        let rows = try all(
            "SELECT \(UserSettingsColumns.names) FROM user_setting", UserSettingsColumns.settings)
        return Dictionary(rows, uniquingKeysWith: { _, last in last })
    }

    private func accounts() throws -> [Account] {
        try all(
            """
            SELECT id, name, parent, kind, credit_limit, balance, currency, is_blocked, version
            FROM account ORDER BY id
            """
        ) { row in
            Account(
                id: row.text(0), name: row.text(1), parent: row.optionalText(2),
                kind: try row.choice(3), creditLimit: row.amount(4), balance: row.amount(5),
                currency: row.text(6), isBlocked: row.integer(7) != 0, version: row.bits(8))
        }
    }

    private func bindings() throws -> [Binding] {
        try all(
            """
            SELECT number, contact, transport, listener, address_high, address_low, port, expires,
            call_id, cseq, user_agent FROM binding ORDER BY number, contact
            """
        ) { row in
            guard let transport = TransportKind(rawValue: try row.number(2)) else {
                throw Store.Failure(.damaged, "binding of \(row.text(0)) has no known transport")
            }
            let remote = Endpoint(
                ip: IPAddress(high: row.bits(4), low: row.bits(5)), port: try row.number(6))
            return Binding(
                number: row.text(0), contact: row.bytes(1),
                flow: Flow(transport: transport, listener: try row.number(3), remote: remote),
                expiresAt: row.integer(7), callID: row.bytes(8), cseq: try row.number(9),
                userAgent: row.text(10))
        }
    }

    /// All but the charges: by their ids a top-up is known again.
    private func postings() throws -> [Posting] {
        try all(
            "SELECT \(PostingColumns.names) FROM posting WHERE kind <> 'charge' ORDER BY id",
            PostingColumns.posting)
    }

    private func runningCalls() throws -> [RunningCall] {
        try all(
            """
            SELECT \(CallRecordColumns.names), payer, reserved, held_prefix, state
            FROM running_call ORDER BY call
            """
        ) { row in
            let record = try CallRecordColumns.record(in: row, from: 0)
            let rest = CallRecordColumns.count
            return RunningCall(
                call: CallID(rawValue: record.callID), record: record,
                account: row.optionalText(rest), reserved: row.amount(rest + 1),
                tariffPrefix: row.optionalText(rest + 2), state: row.bytes(rest + 3))
        }
    }

    private func tariff() throws -> Tariff {
        let rows = try all(
            "SELECT \(TariffColumns.names) FROM tariff WHERE deck = \(TariffColumns.currentDeck)",
            TariffColumns.row)
        do throws(TariffError) {
            return try Tariff(rows: rows)
        } catch {
            throw Store.Failure(.damaged, "the stored tariff cannot be used: \(error)")
        }
    }
}
