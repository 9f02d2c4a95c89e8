import Charging
import Switching

extension Listing {
    init(accounts rows: [AccountRow]) {
        self.init(
            [
                Column("account", "account"), Column("name", "name"),
                Column("parent", "paid along by"), Column("kind", "kind"),
                Column("balance", "balance"), Column("reserved", "reserved"),
                Column("available", "available"), Column("credit_limit", "credit limit"),
                Column("currency", ""), Column("state", "state"), Column("plan", "plan"),
                Column("allowance", "allowance per"), Column("blocked", nil),
                Column("expires", "expires", isCardOnly: true),
                Column("low_mark", "low below", isCardOnly: true),
                Column("spent_in_hour", "spent in the hour", isCardOnly: true),
                Column("spent_today", "spent today"),
                Column("limit_call", "most a call", isCardOnly: true),
                Column("limit_hour", "most an hour", isCardOnly: true),
                Column("limit_day", "most a day", isCardOnly: true),
            ], nothing: "no accounts")
        for row in rows {
            append([
                .text(row.id), .text(row.name), .text(row.parent), .text(row.kind),
                .amount(row.balance), .amount(row.reserved), .amount(row.available),
                .amount(row.creditLimit), .text(row.currency), .text(row.state),
                .text(row.plan), .text(row.renewal), .flag(row.isBlocked), .time(row.expiresAt),
                .amount(row.lowMark), .amount(row.spentInHour), .amount(row.spentToday),
                .amount(row.limits.call), .amount(row.limits.hour), .amount(row.limits.day),
            ])
        }
    }

    init(price row: PriceRow) {
        self.init(
            [
                Column("number", "number"), Column("prefix", "prefix"), Column("name", "tariff"),
                Column("plan", "plan"), Column("via", "via"), Column("at", "at"),
                Column("milliseconds", "milliseconds"), Column("amount", "price"),
                Column("currency", ""), Column("receipt", "made up of"),
                Column("refused", "but refused"),
            ], nothing: "no price")
        append([
            .text(row.number), .text(row.prefix), .text(row.name), .text(row.plan),
            .text(row.via), .time(row.at), .number(row.milliseconds), .amount(row.amount),
            .text(row.currency), row.receipt.isEmpty ? .absent : .texts(row.receipt),
            .text(row.refused),
        ])
    }

    init(vouchers rows: [VoucherRow]) {
        self.init(
            [
                Column("batch", "batch"), Column("serial", "serial"), Column("code", "code"),
                Column("amount", "amount"), Column("currency", ""), Column("expires", "expires"),
            ], nothing: "no vouchers")
        for row in rows {
            append([
                .text(row.batch), .number(row.serial), .text(row.code), .amount(row.amount),
                .text(row.currency), .time(row.expiresAt),
            ])
        }
    }

    init(voucherBatches rows: [VoucherBatch]) {
        self.init(
            [
                Column("batch", "batch"), Column("vouchers", "vouchers"),
                Column("redeemed", "redeemed"), Column("amount", "amount each"),
                Column("currency", ""), Column("expires", "expires"),
            ], nothing: "no vouchers")
        for row in rows {
            append([
                .text(row.batch), .number(row.count), .number(row.redeemed), .amount(row.amount),
                .text(row.currency), .time(row.expiresAt),
            ])
        }
    }

    /// Postings of an account.
    public init(postings: [Posting], currency: String) {
        self.init(
            [
                Column("at", "at"), Column("id", nil), Column("account", nil),
                Column("kind", "kind"), Column("amount", "amount"),
                Column("balance_after", "balance after"), Column("currency", ""),
                Column("call", "call"), Column("note", "note"), Column("by", "by"),
            ], nothing: "no postings")
        for posting in postings {
            append([
                .time(posting.at), .text(posting.id), .text(posting.account),
                .text(posting.kind.rawValue), .amount(posting.amount),
                .amount(posting.balanceAfter), .text(currency),
                .text(posting.call.map { CallID(rawValue: $0).description }),
                posting.note.isEmpty ? .absent : .text(posting.note),
                posting.by.isEmpty ? .absent : .text(posting.by),
            ])
        }
    }

    /// The sums of a statement: what it begins with, what was posted, what it ends with.
    public init(sums statement: AccountStatement) {
        self.init(
            [
                Column("account", "account"), Column("opening", "before"),
                Column("totals", "posted"), Column("closing", "after"), Column("currency", ""),
                Column("adds_up", "adds up"),
            ], nothing: "no account")
        append([
            .text(statement.account), .amount(statement.opening),
            .list(
                statement.totals.map {
                    .object([
                        .init($0.kind.rawValue, .amount($0.sum)),
                        .init("postings", .number($0.count)),
                    ])
                }), .amount(statement.closing), .text(statement.currency),
            .flag(statement.addsUp),
        ])
    }

    /// A price list; a row for each prefix and each of its bands.
    public init(tariff rows: [TariffRow], currency: String) {
        self.init(
            [
                Column("prefix", "prefix"), Column("name", "name"), Column("band", "band"),
                Column("connect_fee", "connect fee"), Column("steps", "price / seconds"),
                Column("free_seconds", "free seconds"), Column("minimum", "minimum"),
                Column("rounding", "rounding"), Column("currency", "currency"),
            ], nothing: "no prices")
        for row in rows {
            append([
                .text(row.prefix), .text(row.name), .absent, .amount(row.connectFee),
                .texts(Self.texts(row.steps)), .number(row.freeSeconds), .amount(row.minimum),
                .text(row.rounding.text), .text(currency),
            ])
            for band in row.inBands {
                append([
                    .text(row.prefix), .text(row.name), .text(band.band),
                    .amount(band.connectFee), .texts(Self.texts(band.steps)),
                    .number(row.freeSeconds), .amount(row.minimum), .text(row.rounding.text),
                    .text(currency),
                ])
            }
        }
    }

    private static func texts(_ steps: [TariffRow.Step]) -> [String] {
        steps.map { "\($0.price.shortDescription)/\($0.seconds)" }
    }

    /// All price lists.
    public init(decks rows: [TariffDeckRow], currency: String) {
        self.init(
            [
                Column("deck", "deck"), Column("plan", "plan"), Column("via", "via"),
                Column("valid_from", "valid from"), Column("state", "state"),
                Column("rows", "rows"), Column("bands", "bands"), Column("currency", "currency"),
                Column("source", "file"),
            ], nothing: "no price lists")
        for row in rows {
            append([
                .number(row.deck), .text(row.plan), .text(row.via), .time(row.validFrom),
                .text(row.state), .number(row.rows),
                row.bands.isEmpty ? .absent : .texts(row.bands),
                .text(row.currency ?? currency), row.source.isEmpty ? .absent : .text(row.source),
            ])
        }
    }

    /// What a price list would change.
    public init(differences: [TariffReview.Difference]) {
        self.init(
            [
                Column("prefix", "prefix"), Column("change", "change"), Column("old", "was"),
                Column("new", "becomes"),
            ], nothing: "no price changes")
        for difference in differences {
            let change = difference.old == nil ? "new" : difference.new == nil ? "gone" : "changed"
            append([
                .text(difference.prefix), .text(change), .text(difference.old.map(Self.text)),
                .text(difference.new.map(Self.text)),
            ])
        }
    }

    /// A row without its prefix, in one line.
    private static func text(_ row: TariffRow) -> String {
        var text = "\(row.name) \(row.stepsText.isEmpty ? "free" : row.stepsText)"
        if row.connectFee.isPositive { text += " fee \(row.connectFee.shortDescription)" }
        if row.freeSeconds > 0 { text += " free \(row.freeSeconds) s" }
        if row.minimum.isPositive { text += " minimum \(row.minimum.shortDescription)" }
        if row.rounding != .exact { text += " \(row.rounding.text)" }
        for band in row.inBands {
            text += "; \(band.band) \(band.stepsText.isEmpty ? "free" : band.stepsText)"
            if band.connectFee.isPositive {
                text += " fee \(band.connectFee.shortDescription)"
            }
        }
        return text
    }
}

extension TariffReview {
    /// Prices added, gone and changed, in a sentence.
    public var summary: String {
        isUnchanged
            ? "\(rows) rows, the same prices as now"
            : "\(rows) rows: \(added) new, \(removed) gone, \(changed) changed"
                + (isCalendarChanged ? "; other bands, holidays or currency" : "")
    }
}
