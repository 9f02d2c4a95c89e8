import Charging
import GRDB
import SIP
import Switching

/// Reads all that the switch begins with.
struct StateReader {
    let database: Database
    /// Wall time, microseconds since 1970 UTC.
    let now: Int64

    func state(start: UInt32) throws -> StoredState {
        var state = StoredState(tariffs: try tariffs())
        state.extensions = try extensions()
        state.userSettings = try userSettings()
        state.accounts = try accounts()
        state.bindings = try bindings()
        state.postings = try postings()
        let journal = try JournalLog.journal(in: database)
        state.runningCalls = journal.calls
        state.unreadable = journal.unreadable
        state.vouchers = try vouchers()
        state.holds = try holds()
        state.subscriptions = try all("SELECT tag, expires, state FROM subscription ORDER BY tag") {
            StoredSubscription(tag: $0.bits(0), expiresAt: $0.integer(1), state: $0.bytes(2))
        }
        let summaries = try all("SELECT number, body FROM message_summary") {
            ($0.text(0), $0.bytes(1))
        }
        state.summaries = Dictionary(uniqueKeysWithValues: summaries)
        state.recentCharges = try recentCharges()
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
            SELECT number, name, md5, sha256, sha512_256, realm, level, account, call_limit,
            call_limit_in, call_limit_out FROM extension ORDER BY number
            """
        ) { row in
            Extension(
                number: row.text(0), name: row.text(1),
                secret: StoredSecret(
                    md5: row.text(2), sha256: row.text(3), sha512t256: row.text(4)),
                realm: row.text(5), level: row.text(6), account: row.optionalText(7),
                callLimit: try row.number(8), callLimitIn: try row.optionalNumber(9),
                callLimitOut: try row.optionalNumber(10))
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
            SELECT id, name, parent, kind, credit_limit, balance, currency, is_blocked, version,
            expires, low_mark, plan, call_limit, hour_limit, day_limit, renewal, renewed_in
            FROM account ORDER BY id
            """
        ) { row in
            Account(
                id: row.text(0), name: row.text(1), parent: row.optionalText(2),
                kind: try row.choice(3), creditLimit: row.amount(4), balance: row.amount(5),
                currency: row.text(6), isBlocked: row.integer(7) != 0,
                expiresAt: row.optionalInteger(9), lowMark: row.optionalAmount(10),
                plan: row.optionalText(11),
                limits: SpendingLimits(
                    call: row.optionalAmount(12), hour: row.optionalAmount(13),
                    day: row.optionalAmount(14)),
                renewal: try row.optionalChoice(15), renewedIn: try row.number(16),
                version: row.bits(8))
        }
    }

    private func bindings() throws -> [Binding] {
        try all(
            """
            SELECT number, contact, transport, listener, address_high, address_low, port, expires,
            call_id, cseq, user_agent, path, instance, reg_id, md5_alone FROM binding
            ORDER BY number, contact, reg_id
            """
        ) { row in
            guard let transport = TransportKind(rawValue: try row.number(2)) else {
                throw Store.Failure(.damaged, "binding of \(row.text(0)) has no known transport")
            }
            let remote = Endpoint(
                ip: IPAddress(high: row.bits(4), low: row.bits(5)), port: try row.number(6))
            var binding = Binding(
                number: row.text(0), contact: row.bytes(1),
                flow: Flow(transport: transport, listener: try row.number(3), remote: remote),
                expiresAt: row.integer(7), callID: row.bytes(8), cseq: try row.number(9),
                userAgent: row.text(10))
            binding.path = row.bytes(11)
            let regID: UInt32 = try row.number(13)
            if regID > 0 {
                binding.outbound = OutboundFlow(instance: row.bytes(12), regID: regID)
            }
            binding.isAskedByMD5Alone = row.integer(14) != 0
            return binding
        }
    }

    /// All but charges and renewals: by their ids a top-up is known again.
    private func postings() throws -> [Posting] {
        try all(
            """
            SELECT \(PostingColumns.names) FROM every_posting
            WHERE kind <> 'charge' AND kind <> 'renewal' ORDER BY id
            """, PostingColumns.posting)
    }

    private func vouchers() throws -> [Voucher] {
        try all("SELECT key, batch, serial, amount, currency, expires FROM voucher ORDER BY key") {
            Voucher(
                key: $0.text(0), batch: $0.text(1), serial: try $0.number(2), amount: $0.amount(3),
                currency: $0.text(4), expiresAt: $0.optionalInteger(5))
        }
    }

    private func holds() throws -> [SpendingHold] {
        try all(
            """
            SELECT kind, subject, reason, operator, since, released FROM spending_hold
            ORDER BY kind, subject
            """
        ) { row in
            SpendingHold(
                subject: row.text(0) == "account"
                    ? .account(row.text(1)) : .extension(row.text(1)),
                reason: row.text(2), by: row.text(3), since: row.integer(4),
                releasedAt: row.optionalInteger(5))
        }
    }

    /// More calls in three days than any site has. A clock that stands far back would ask for all.
    private static let mostRecentCharges = 2_000_000

    /// Of the last three days in which calls began. A call of a time that is still to come was written
    /// when the clock was wrong, and must not hide those of today.
    private func recentCharges() throws -> [RecentCharge] {
        try all(
            """
            SELECT charged_extension, account, charge, ended FROM record
            WHERE started >= min((SELECT max(started) FROM record), \(now)) - 259200000000
            AND charge > 0 AND account IS NOT NULL AND ended IS NOT NULL
            ORDER BY started DESC, sequence DESC LIMIT \(Self.mostRecentCharges)
            """
        ) { row in
            RecentCharge(
                extension: row.optionalText(0), account: row.text(1), amount: row.amount(2),
                at: row.integer(3))
        }
    }

    func tariffs() throws -> TariffBook {
        let decks = try all(
            "SELECT deck, plan, via, valid_from, source, calendar FROM tariff_deck ORDER BY deck"
        ) { row in
            TariffDeck(
                id: row.integer(0), plan: row.text(1), via: row.optionalText(2),
                validFrom: row.integer(3), source: row.text(4),
                tariff: try tariff(deck: row.integer(0), calendar: row.text(5)))
        }
        return TariffBook(decks: decks)
    }

    private func tariff(deck: Int64, calendar text: String) throws -> Tariff {
        let rows = try all(
            "SELECT \(TariffColumns.names) FROM tariff WHERE deck = \(deck)", TariffColumns.row)
        let head = text.isEmpty ? Tariff() : Tariff.parse(csv: text, file: "calendar").tariff
        guard let head else {
            throw Store.Failure(.damaged, "the calendar of price list \(deck) cannot be read")
        }
        do throws(TariffError) {
            return try Tariff(rows: rows, calendar: head.calendar, currency: head.currency)
        } catch {
            throw Store.Failure(.damaged, "the stored tariff cannot be used: \(error)")
        }
    }
}
