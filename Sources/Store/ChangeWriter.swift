import Charging
import GRDB
import SIP
import Switching

/// A change that cannot be stored because what is stored says otherwise: a bug of ours, never the
/// disk's.
struct Contradiction: Error {
    var reason: String
}

/// Puts changes into the tables, with statements that are prepared once.
///
/// What is stored already is not stored again: the same posting, record or binding a second time
/// changes nothing, so that a change may be handed in twice without harm. Another posting under an id
/// that was used, or another record of a closed call, is a `Contradiction`.
///
/// A balance moves by postings only, and each must fit on the balance that is stored
/// (`balance + amount = balanceAfter`), so the postings of an account always add up to its balance.
struct ChangeWriter {
    private let database: Database
    private let saveExtension: Statement
    private let removeExtension: Statement
    private let removeBindings: Statement
    private let saveSettings: Statement
    private let removeSettings: Statement
    private let saveBinding: Statement
    private let removeBinding: Statement
    private let saveAccount: Statement
    private let addPosting: Statement
    private let moveBalance: Statement
    private let addRun: Statement
    private let removeRun: Statement
    private let addRecord: Statement
    private let addSeals: Statement
    private let addVoucher: Statement
    private let saveHold: Statement
    private let saveSubscription: Statement
    private let removeSubscription: Statement
    private let saveSummary: Statement
    private let removeSummary: Statement
    private var values = SQLValues()
    private var seal: Seal
    private var log: JournalLog
    private var clock: ClockAnchor
    /// A registration or a subscription was saved in the transaction.
    private var hasWrittenTimes = false
    /// The last journal entry of each call in the transaction, by the place of its commit in the group
    /// and its own in the commit.
    private var journals: [UInt64: (commit: Int, change: Int)] = [:]
    /// Whose keys are not filed.
    private var unfiledRecords: Int
    private var unfiledPostings: Int

    init(_ database: Database, _ clock: ClockAnchor = ClockAnchor(boot: 0)) throws {
        self.database = database
        saveExtension = try database.makeStatement(sql: SQL.saveExtension)
        removeExtension = try database.makeStatement(sql: SQL.removeExtension)
        removeBindings = try database.makeStatement(sql: SQL.removeBindings)
        saveSettings = try database.makeStatement(sql: SQL.saveSettings)
        removeSettings = try database.makeStatement(sql: SQL.removeSettings)
        saveBinding = try database.makeStatement(sql: SQL.saveBinding)
        removeBinding = try database.makeStatement(sql: SQL.removeBinding)
        saveAccount = try database.makeStatement(sql: SQL.saveAccount)
        addPosting = try database.makeStatement(sql: SQL.addPosting)
        moveBalance = try database.makeStatement(sql: SQL.moveBalance)
        addRun = try database.makeStatement(sql: JournalLog.addRun)
        removeRun = try database.makeStatement(sql: JournalLog.removeRun)
        addRecord = try database.makeStatement(sql: SQL.addRecord)
        addSeals = try database.makeStatement(sql: SQL.addSeals)
        addVoucher = try database.makeStatement(sql: SQL.addVoucher)
        saveHold = try database.makeStatement(sql: SQL.saveHold)
        saveSubscription = try database.makeStatement(sql: SQL.saveSubscription)
        removeSubscription = try database.makeStatement(sql: SQL.removeSubscription)
        saveSummary = try database.makeStatement(sql: SQL.saveSummary)
        removeSummary = try database.makeStatement(sql: SQL.removeSummary)
        seal = try Seal(in: database)
        log = try JournalLog(in: database)
        self.clock = clock
        unfiledRecords = try RecordKeys.waiting(in: database)
        unfiledPostings = try PostingKeys.waiting(in: database)
    }

    /// Seals the row that was put in with `values`; see `Seal`.
    ///
    /// - Parameter columns: how many of the values are columns behind the key.
    private mutating func addSeal(
        _ kind: Seal.Kind, of row: Int64, columns: Int
    ) throws {
        seal.begin(kind)
        values.seal(into: &seal)
        seal.finish()
        seal.append(kind, row: row, columns: columns)
    }

    /// Writes the seals of the transaction.
    private mutating func writeSeals() throws {
        if seal.run.isEmpty { return }
        values.removeAll()
        values.add(seal.firstOfRun)
        values.add(seal.run)
        try values.run(addSeals)
        seal.runWritten()
    }

    /// Applies all changes of commits in order, inside the transaction that is open. What a later
    /// change of the same group makes out of date is not written: the journal of a call that was
    /// answered or is over within milliseconds.
    ///
    /// - Throws: `Contradiction`, or SQLite's `DatabaseError`; then the commits are half applied and
    ///   have to be rolled back, and the writer is not to be used again.
    mutating func apply(_ group: ArraySlice<Commit>) throws {
        for place in group.indices {
            for index in group[place].changes.indices {
                switch group[place].changes[index] {
                case .callRunning(let running):
                    journals[running.call.rawValue] = (place, index)
                default:
                    try apply(group[place].changes[index])
                }
            }
        }
        try writeJournals(of: group)
        try writeSeals()
        if hasWrittenTimes { try clock.timesWritten(in: database) }
        hasWrittenTimes = false
        if unfiledRecords >= RecordKeys.batch {
            try RecordKeys.file(in: database)
            unfiledRecords = 0
        }
        if unfiledPostings >= PostingKeys.batch {
            try PostingKeys.file(in: database)
            unfiledPostings = 0
        }
    }

    private mutating func writeJournals(of group: ArraySlice<Commit>) throws {
        for (call, last) in journals {
            guard case .callRunning(let running) = group[last.commit].changes[last.change] else {
                preconditionFailure("a change is another than it was")
            }
            guard call == running.record.callID else {
                throw Contradiction(
                    reason: "the journal of call \(running.call) holds the record of "
                        + "\(CallID(rawValue: running.record.callID))")
            }
            values.removeAll()
            JournalLog.add(running, to: &values)
            log.append(call, values)
        }
        journals.removeAll(keepingCapacity: true)
        try log.finish(database)
        if !log.run.isEmpty {
            values.removeAll()
            values.add(log.number)
            values.add(log.run)
            try values.run(addRun)
        }
        for number in log.removed {
            values.removeAll()
            values.add(number)
            try values.run(removeRun)
        }
        log.written()
    }

    private mutating func apply(_ change: StoredChange) throws {
        values.removeAll()
        switch change {
        case .extensionSaved(let item): try save(item)
        case .extensionRemoved(let number):
            values.add(number)
            try values.run(removeBindings)
            try values.run(removeSettings)
            try values.run(removeSummary)
            try values.run(removeExtension)
        case .settingsSaved(let number, let settings):
            UserSettingsColumns.add(settings, of: number, to: &values)
            try values.run(saveSettings)
        case .bindingSaved(let binding): try save(binding)
        case .bindingRemoved(let number, let contact, let regID):
            values.add(number)
            values.add(contact)
            values.add(Int(regID))
            try values.run(removeBinding)
        case .subscriptionSaved(let subscription):
            hasWrittenTimes = true
            values.add(bits: subscription.tag)
            values.add(subscription.expiresAt)
            values.add(subscription.state)
            try values.run(saveSubscription)
        case .subscriptionRemoved(let tag):
            values.add(bits: tag)
            try values.run(removeSubscription)
        case .summarySaved(let number, let body):
            values.add(number)
            values.add(body)
            try values.run(saveSummary)
        case .accountSaved(let account): try save(account)
        case .posted(let posting): try post(posting)
        case .vouchersAdded(let vouchers): try add(vouchers)
        case .spendingHeld(let hold): try save(hold)
        case .callRunning: preconditionFailure("the journal is written at the end of a group")
        case .callClosed(let record): try close(record)
        }
    }

    private mutating func save(_ item: Extension) throws {
        values.add(item.number)
        values.add(item.name)
        values.add(item.secret.md5)
        values.add(item.secret.sha256)
        values.add(item.secret.sha512t256)
        values.add(item.realm)
        values.add(item.level)
        values.add(item.account)
        values.add(item.callLimit)
        values.add(item.callLimitIn)
        values.add(item.callLimitOut)
        try values.run(saveExtension)
    }

    private mutating func save(_ binding: Binding) throws {
        hasWrittenTimes = true
        values.add(binding.number)
        values.add(binding.contact)
        values.add(Int(binding.flow.transport.rawValue))
        values.add(Int(binding.flow.listener))
        values.add(bits: binding.flow.remote.ip.high)
        values.add(bits: binding.flow.remote.ip.low)
        values.add(Int(binding.flow.remote.port))
        values.add(binding.expiresAt)
        values.add(binding.callID)
        values.add(Int(binding.cseq))
        values.add(binding.userAgent)
        values.add(binding.path)
        values.add(binding.outbound?.instance ?? [])
        values.add(Int(binding.outbound?.regID ?? 0))
        values.add(binding.isAskedByMD5Alone ? 1 : 0)
        try values.run(saveBinding)
    }

    private mutating func save(_ account: Account) throws {
        values.add(account.id)
        values.add(account.name)
        values.add(account.parent)
        values.add(account.kind.rawValue)
        values.add(account.creditLimit)
        values.add(account.currency)
        values.add(account.isBlocked ? 1 : 0)
        values.add(bits: account.version)
        values.add(account.expiresAt)
        values.add(account.lowMark?.micros)
        values.add(account.plan)
        values.add(account.limits.call?.micros)
        values.add(account.limits.hour?.micros)
        values.add(account.limits.day?.micros)
        values.add(account.renewal?.rawValue)
        values.add(Int(account.renewedIn))
        try values.run(saveAccount)
    }

    private mutating func add(_ vouchers: [Voucher]) throws {
        for voucher in vouchers {
            values.removeAll()
            values.add(voucher.key)
            values.add(voucher.batch)
            values.add(voucher.serial)
            values.add(voucher.amount)
            values.add(voucher.currency)
            values.add(voucher.expiresAt)
            try values.run(addVoucher)
        }
    }

    private mutating func save(_ hold: SpendingHold) throws {
        switch hold.subject {
        case .account(let id):
            values.add("account")
            values.add(id)
        case .extension(let number):
            values.add("extension")
            values.add(number)
        }
        values.add(hold.reason)
        values.add(hold.by)
        values.add(hold.since)
        values.add(hold.releasedAt)
        try values.run(saveHold)
    }

    private mutating func post(_ posting: Posting) throws {
        values.add(posting.id)
        values.add(posting.account)
        values.add(posting.kind.rawValue)
        values.add(posting.amount)
        values.add(posting.balanceAfter)
        values.add(posting.at)
        values.add(posting.call.map { Int64(bitPattern: $0) })
        values.add(posting.note)
        values.add(posting.by)
        try values.run(addPosting)
        guard database.changesCount == 1 else { return try checkPostedBefore(posting) }
        unfiledPostings += 1
        try addSeal(.posting, of: database.lastInsertedRowID, columns: values.count)

        values.removeAll()
        values.add(posting.balanceAfter)
        values.add(posting.account)
        values.add(posting.amount)
        try values.run(moveBalance)
        guard database.changesCount == 1 else {
            throw Contradiction(
                reason: "posting \(posting.id) of \(posting.amount) makes the balance of account "
                    + "\(posting.account) \(posting.balanceAfter), but "
                    + (try storedBalance(posting.account)))
        }
    }

    private func storedBalance(_ account: String) throws -> String {
        let balance = try Int64.fetchOne(
            database, sql: "SELECT balance FROM account WHERE id = ?", arguments: [account])
        guard let balance else { return "no such account is stored" }
        return "the stored balance is \(Amount(micros: balance))"
    }

    private func checkPostedBefore(_ posting: Posting) throws {
        let row = try Row.fetchOne(
            database, sql: "SELECT \(PostingColumns.names) FROM every_posting WHERE id = ?",
            arguments: [posting.id])
        guard let row else {
            throw Contradiction(reason: "posting \(posting.id) is neither stored nor storable")
        }
        let stored = try PostingColumns.posting(in: SQLRow(row: row))
        guard stored.account == posting.account, stored.amount == posting.amount,
            stored.kind == posting.kind, stored.call == posting.call
        else {
            throw Contradiction(
                reason: "posting \(posting.id) is stored as \(stored.amount) on account "
                    + "\(stored.account), not \(posting.amount) on account \(posting.account)")
        }
    }

    private mutating func close(_ record: CallRecord) throws {
        values.add(bits: record.sequence)
        CallRecordColumns.add(record, to: &values)
        try values.run(addRecord)
        journals[record.callID] = nil
        log.closed(record.callID)
        guard database.changesCount == 1 else { return try checkClosedBefore(record) }
        try addSeal(
            .record, of: Int64(bitPattern: record.sequence), columns: values.count - 1)

        unfiledRecords += 1
    }

    private func checkClosedBefore(_ record: CallRecord) throws {
        let row = try Row.fetchOne(
            database,
            sql: "SELECT sequence, \(CallRecordColumns.names) FROM record "
                + "WHERE call = ? OR sequence = ? ORDER BY call = ? DESC",
            arguments: [
                Int64(bitPattern: record.callID), Int64(bitPattern: record.sequence),
                Int64(bitPattern: record.callID),
            ])
        guard let row else {
            throw Contradiction(reason: "record \(record.sequence) is neither stored nor storable")
        }
        var stored = try CallRecordColumns.record(in: SQLRow(row: row), from: 1)
        stored.sequence = SQLRow(row: row).bits(0)
        guard stored == record else {
            throw Contradiction(
                reason: "call \(CallID(rawValue: record.callID)) was to be closed as record "
                    + "\(record.sequence), but record \(stored.sequence) of call "
                    + "\(CallID(rawValue: stored.callID)) is stored")
        }
    }
}

private enum SQL {
    static let saveExtension = """
        INSERT OR REPLACE INTO extension
        (number, name, md5, sha256, sha512_256, realm, level, account, call_limit,
        call_limit_in, call_limit_out) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    static let removeExtension = "DELETE FROM extension WHERE number = ?"
    static let removeBindings = "DELETE FROM binding WHERE number = ?"
    static let saveSettings =
        "INSERT OR REPLACE INTO user_setting (\(UserSettingsColumns.names)) "
        + "VALUES (\(UserSettingsColumns.questionMarks))"
    static let removeSettings = "DELETE FROM user_setting WHERE number = ?"
    static let saveBinding = """
        INSERT OR REPLACE INTO binding
        (number, contact, transport, listener, address_high, address_low, port, expires, call_id,
        cseq, user_agent, path, instance, reg_id, md5_alone)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """
    static let saveSubscription =
        "INSERT OR REPLACE INTO subscription (tag, expires, state) VALUES (?, ?, ?)"
    static let removeSubscription = "DELETE FROM subscription WHERE tag = ?"
    static let saveSummary = "INSERT OR REPLACE INTO message_summary (number, body) VALUES (?, ?)"
    static let removeSummary = "DELETE FROM message_summary WHERE number = ?"
    static let removeBinding =
        "DELETE FROM binding WHERE number = ? AND contact = ? AND reg_id = ?"
    /// Without the balance: a new account begins at zero, and postings alone move it.
    static let saveAccount = """
        INSERT INTO account
        (id, name, parent, kind, credit_limit, currency, is_blocked, version, expires, low_mark,
        plan, call_limit, hour_limit, day_limit, renewal, renewed_in)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, parent = excluded.parent,
        kind = excluded.kind, credit_limit = excluded.credit_limit, currency = excluded.currency,
        is_blocked = excluded.is_blocked, version = excluded.version, expires = excluded.expires,
        low_mark = excluded.low_mark, plan = excluded.plan, call_limit = excluded.call_limit,
        hour_limit = excluded.hour_limit, day_limit = excluded.day_limit,
        renewal = excluded.renewal, renewed_in = excluded.renewed_in
        """
    static let addPosting = """
        INSERT INTO posting (id, account, kind, amount, balance_after, at, call, note, operator)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING
        """
    static let moveBalance = """
        UPDATE account SET balance = ?1, version = version + 1
        WHERE id = ?2 AND balance + ?3 = ?1
        """
    static let addRecord = """
        INSERT INTO record (sequence, \(CallRecordColumns.names))
        VALUES (?, \(CallRecordColumns.questionMarks)) ON CONFLICT DO NOTHING
        """
    static let addSeals = "INSERT INTO seal_run (first, seals) VALUES (?, ?)"
    static let addVoucher = """
        INSERT INTO voucher (key, batch, serial, amount, currency, expires)
        VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING
        """
    static let saveHold = """
        INSERT OR REPLACE INTO spending_hold (kind, subject, reason, operator, since, released)
        VALUES (?, ?, ?, ?, ?, ?)
        """
}
