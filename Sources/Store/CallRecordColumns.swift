import Charging

/// A `CallRecord` as columns of `record` and of a journal entry, both ways.
///
/// The nested lists are compact JSON: arrays in a fixed order. The explanation stands with each
/// record, since it is appended where the row goes anyway: about 500 bytes in sequence cost less than
/// the page of an index that finding an equal text would touch, and texts are rarely equal, as they
/// hold the numbers of the call.
enum CallRecordColumns {
    /// In the order of `Schema`, without the sequence number.
    static let names = """
        call, direction, caller, account, dialled, normalised, number_class, presented, route, \
        attempts, started, ringing, answered, ended, duration_ms, billed_ms, disposition, \
        released_by, sip_status, q850_cause, end_reason, tariff_prefix, tariff_name, steps, charge, \
        receipt, balances, plan_version, explanation, linked_call, link, charged_extension, basis
        """
    static let count = 33
    /// As `PackedValues` takes it.
    static let shape = "ITTtTTtttTIiiiIIttiiTttIITTTTittt"

    static var questionMarks: String {
        Array(repeating: "?", count: count).joined(separator: ", ")
    }

    static func add(_ record: CallRecord, to values: inout SQLValues) {
        values.add(bits: record.callID)
        values.add(record.direction.rawValue)
        values.add(record.caller)
        values.add(record.callerAccount)
        values.add(record.dialled)
        values.add(record.normalised)
        values.add(record.numberClass)
        values.add(record.presented)
        values.add(record.route)
        values.addJSON { write(record.attempts, to: &$0) }
        values.add(record.startedAt)
        values.add(record.ringingAt)
        values.add(record.answeredAt)
        values.add(record.endedAt)
        values.add(record.durationMs)
        values.add(record.billedMs)
        values.add(record.disposition?.rawValue)
        values.add(record.releasedBy?.rawValue)
        values.add(record.sipStatus)
        values.add(record.q850Cause)
        values.add(record.endReason)
        values.add(record.tariffPrefix)
        values.add(record.tariffName)
        values.add(record.steps)
        values.add(record.charge)
        values.addJSON { write(record.receipt, to: &$0) }
        values.addJSON { write(record.accountBalances, to: &$0) }
        values.add(record.dialplanVersion)
        values.addJSON { write(record.explanation, to: &$0) }
        values.add(record.linkedCall.map { Int64(bitPattern: $0) })
        values.add(record.link?.rawValue)
        values.add(record.chargedExtension)
        guard let basis = record.basis else { return values.add(String?.none) }
        values.addJSON { write(basis, to: &$0) }
    }

    /// - Parameter first: the position of the column `call`.
    static func record(in row: some Columns, from first: Int) throws -> CallRecord {
        var record = CallRecord(
            callID: row.bits(first), direction: try row.choice(first + 1),
            caller: row.text(first + 2), callerAccount: row.optionalText(first + 3),
            dialled: row.text(first + 4), normalised: row.text(first + 5),
            numberClass: row.optionalText(first + 6), startedAt: row.integer(first + 10))
        record.presented = row.optionalText(first + 7)
        record.route = row.optionalText(first + 8)
        record.ringingAt = row.optionalInteger(first + 11)
        record.answeredAt = row.optionalInteger(first + 12)
        record.endedAt = row.optionalInteger(first + 13)
        record.durationMs = row.integer(first + 14)
        record.billedMs = row.integer(first + 15)
        record.disposition = try row.optionalChoice(first + 16)
        record.releasedBy = try row.optionalChoice(first + 17)
        record.sipStatus = row.optionalInteger(first + 18).map { Int($0) }
        record.q850Cause = row.optionalInteger(first + 19).map { Int($0) }
        record.endReason = row.text(first + 20)
        record.tariffPrefix = row.optionalText(first + 21)
        record.tariffName = row.optionalText(first + 22)
        record.steps = try row.number(first + 23)
        record.charge = row.amount(first + 24)
        record.dialplanVersion = row.text(first + 27)
        record.linkedCall = row.optionalInteger(first + 29).map { UInt64(bitPattern: $0) }
        record.link = try row.optionalChoice(first + 30)
        record.chargedExtension = row.optionalText(first + 31)
        do throws(CompactJSONReader.Malformed) {
            record.attempts = try attempts(in: row.text(first + 9))
            record.receipt = try receipt(in: row.text(first + 25))
            record.accountBalances = try balances(in: row.text(first + 26))
            record.explanation = try lines(in: row.text(first + 28))
            record.basis = try row.optionalText(first + 32).map(basis)
        } catch {
            throw Store.Failure(
                .damaged, "a list in the record of call \(record.callID) ends at \(error.offset)")
        }
        return record
    }

    // MARK: Lists

    private static func write(_ attempts: [CallRecord.Attempt], to json: inout CompactJSONWriter) {
        json.beginArray()
        for attempt in attempts {
            json.beginArray()
            json.string(attempt.route)
            json.string(attempt.kind.rawValue)
            json.integer(attempt.startedAt)
            json.string(attempt.outcome?.rawValue)
            json.integer(attempt.sipStatus.map { Int64($0) })
            json.integer(attempt.q850.map { Int64($0) })
            json.string(attempt.reason)
            json.integer(attempt.ringMs)
            json.integer(attempt.channel.map { Int64($0) })
            json.endArray()
        }
        json.endArray()
    }

    private static func attempts(
        in text: String
    ) throws(CompactJSONReader.Malformed) -> [CallRecord.Attempt] {
        var attempts: [CallRecord.Attempt] = []
        var json = CompactJSONReader(text)
        try json.array { (json) throws(CompactJSONReader.Malformed) in
            try json.beginArray()
            let route = try json.string()
            try json.comma()
            let kind: CallRecord.Attempt.Kind = try json.choice()
            try json.comma()
            var attempt = CallRecord.Attempt(
                route: route, kind: kind, startedAt: try json.integer())
            try json.comma()
            attempt.outcome = try json.optionalChoice()
            try json.comma()
            attempt.sipStatus = try json.optionalInteger().map { Int($0) }
            try json.comma()
            attempt.q850 = try json.optionalInteger().map { Int($0) }
            try json.comma()
            attempt.reason = try json.string()
            try json.comma()
            attempt.ringMs = try json.integer()
            // Records of before channels had numbers end here.
            if json.hasMore {
                try json.comma()
                attempt.channel = try json.optionalInteger().map { Int($0) }
            }
            try json.endArray()
            attempts.append(attempt)
        }
        try json.end()
        return attempts
    }

    private static func write(_ receipt: [ReceiptLine], to json: inout CompactJSONWriter) {
        json.beginArray()
        for line in receipt {
            json.beginArray()
            json.integer(Int64(line.count))
            json.integer(line.seconds.map { Int64($0) })
            json.integer(line.price.micros)
            json.string(line.kind.rawValue)
            json.string(line.band)
            json.endArray()
        }
        json.endArray()
    }

    private static func receipt(
        in text: String
    ) throws(CompactJSONReader.Malformed) -> [ReceiptLine] {
        var receipt: [ReceiptLine] = []
        var json = CompactJSONReader(text)
        try json.array { (json) throws(CompactJSONReader.Malformed) in
            try json.beginArray()
            let count = try json.integer()
            try json.comma()
            let seconds = try json.optionalInteger()
            try json.comma()
            let price = try json.integer()
            var line = ReceiptLine(
                count: Int(count), seconds: seconds.map { Int($0) }, price: Amount(micros: price))
            if json.goesOn() {
                line.kind = try json.choice()
                try json.comma()
                line.band = try json.optionalString()
            }
            try json.endArray()
            receipt.append(line)
        }
        try json.end()
        return receipt
    }

    private static func write(_ basis: PriceBasis, to json: inout CompactJSONWriter) {
        json.beginArray()
        json.string(basis.plan)
        json.string(basis.via)
        json.string(basis.currency)
        json.string(basis.tariff)
        json.integer(basis.from)
        json.integer(Int64(basis.offset.seconds))
        // The first change or two nulls, as it always was; further ones follow.
        json.integer(basis.offset.changes.first?.from)
        json.integer(basis.offset.changes.first.map { Int64($0.seconds) })
        for change in basis.offset.changes.dropFirst() {
            json.integer(change.from)
            json.integer(Int64(change.seconds))
        }
        json.endArray()
    }

    private static func basis(
        in text: String
    ) throws(CompactJSONReader.Malformed) -> PriceBasis {
        var json = CompactJSONReader(text)
        try json.beginArray()
        let plan = try json.string()
        try json.comma()
        let via = try json.optionalString()
        try json.comma()
        let currency = try json.string()
        try json.comma()
        let tariff = try json.string()
        try json.comma()
        let from = try json.integer()
        try json.comma()
        var offset = UTCOffset(seconds: Int(try json.integer()))
        try json.comma()
        repeat {
            let from = try json.optionalInteger()
            try json.comma()
            let seconds = try json.optionalInteger()
            if let from, let seconds {
                offset.changes.append(UTCOffset.Change(from: from, seconds: Int(seconds)))
            }
        } while json.goesOn()
        try json.endArray()
        try json.end()
        return PriceBasis(
            plan: plan, via: via, currency: currency, tariff: tariff, from: from, offset: offset)
    }

    private static func write(_ balances: [AccountBalance], to json: inout CompactJSONWriter) {
        json.beginArray()
        for balance in balances {
            json.beginArray()
            json.string(balance.account)
            json.integer(balance.balance.micros)
            json.endArray()
        }
        json.endArray()
    }

    private static func balances(
        in text: String
    ) throws(CompactJSONReader.Malformed) -> [AccountBalance] {
        var balances: [AccountBalance] = []
        var json = CompactJSONReader(text)
        try json.array { (json) throws(CompactJSONReader.Malformed) in
            try json.beginArray()
            let account = try json.string()
            try json.comma()
            let balance = try json.integer()
            try json.endArray()
            balances.append(AccountBalance(account: account, balance: Amount(micros: balance)))
        }
        try json.end()
        return balances
    }

    private static func write(_ lines: [String], to json: inout CompactJSONWriter) {
        json.beginArray()
        for line in lines { json.string(line) }
        json.endArray()
    }

    private static func lines(in text: String) throws(CompactJSONReader.Malformed) -> [String] {
        var lines: [String] = []
        var json = CompactJSONReader(text)
        try json.array { (json) throws(CompactJSONReader.Malformed) in
            lines.append(try json.string())
        }
        try json.end()
        return lines
    }
}

extension CompactJSONReader {
    fileprivate mutating func choice<Choice: RawRepresentable>()
        throws(Malformed) -> Choice where Choice.RawValue == String
    {
        guard let choice: Choice = try optionalChoice() else { throw Malformed(offset: 0) }
        return choice
    }

    fileprivate mutating func optionalChoice<Choice: RawRepresentable>()
        throws(Malformed) -> Choice? where Choice.RawValue == String
    {
        guard let text = try optionalString() else { return nil }
        guard let choice = Choice(rawValue: text) else { throw Malformed(offset: 0) }
        return choice
    }
}
