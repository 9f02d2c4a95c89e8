import Charging
import Dialplan
import Switching

extension Listing {
    /// Call records, named as Asterisk's CDR names them where they mean the same (`src`, `dst`,
    /// `start`, `answer`, `end`, `duration`, `billsec`, `disposition`, `uniqueid`, `sequence`).
    ///
    /// - Parameter language: of the explanation; names and values are the same in all.
    public init(
        records: [CallRecord], currency: String, _ language: ExplanationLanguage = .english
    ) {
        self.init(
            [
                Column("sequence", nil), Column("uniqueid", "call"), Column("start", "start"),
                Column("direction", nil), Column("src", "from"), Column("dst", "to"),
                Column("normalised", nil), Column("class", "class"), Column("presented", nil),
                Column("route", "route"), Column("ringing", nil), Column("answer", nil),
                Column("end", nil), Column("duration", nil), Column("billsec", "seconds"),
                Column("duration_ms", nil), Column("billsec_ms", nil),
                Column("disposition", "disposition"), Column("released_by", "released by"),
                Column("sip_status", "SIP"), Column("q850_cause", "Q.850"),
                Column("reason", "reason", isCardOnly: true), Column("account", nil),
                Column("tariff_prefix", nil),
                Column("tariff", nil), Column("steps", nil), Column("charge", "charge"),
                Column("currency", ""), Column("receipt", nil), Column("balances", nil),
                Column("attempts", nil),
                Column("charged_extension", "charged to", isCardOnly: true),
                Column("linked_call", "linked call", isCardOnly: true),
                Column("link", "link", isCardOnly: true), Column("tariff_plan", nil),
                Column("dialplan", nil),
                Column("explanation", nil, isDetail: true),
            ], nothing: "no records")
        for record in records { append(Self.cells(record, currency, language)) }
    }

    private static func cells(
        _ record: CallRecord, _ currency: String, _ language: ExplanationLanguage
    ) -> [Cell] {
        [
            .number(record.sequence), .text(CallID(rawValue: record.callID).description),
            .time(record.startedAt), .text(record.direction.rawValue), .text(record.caller),
            .text(record.dialled), .text(record.normalised), .text(record.numberClass),
            .text(record.presented), .text(record.route), .time(record.ringingAt),
            .time(record.answeredAt), .time(record.endedAt),
            .number(record.durationMs / 1000), .number(record.billedMs / 1000),
            .number(record.durationMs), .number(record.billedMs),
            .text(record.disposition?.rawValue), .text(record.releasedBy?.rawValue),
            .number(record.sipStatus), .number(record.q850Cause), .text(record.endReason),
            .text(record.callerAccount), .text(record.tariffPrefix), .text(record.tariffName),
            .number(record.steps), .amount(record.charge),
            .text(record.basis?.currency ?? currency),
            .texts(record.receipt.map(\.description)),
            .list(
                record.accountBalances.map {
                    .object([
                        .init("account", .text($0.account)), .init("balance", .amount($0.balance)),
                    ])
                }),
            .list(record.attempts.map(cell)), .text(record.chargedExtension),
            .text(record.linkedCall.map { CallID(rawValue: $0).description }),
            .text(record.link?.rawValue), .text(record.basis?.plan),
            .text(record.dialplanVersion),
            .texts(record.explanation.map { Step.text(stored: $0, language) }),
        ]
    }

    private static func cell(_ attempt: CallRecord.Attempt) -> Cell {
        .object([
            .init("route", .text(attempt.route)), .init("kind", .text(attempt.kind.rawValue)),
            .init("start", .time(attempt.startedAt)),
            .init("outcome", .text(attempt.outcome?.rawValue)),
            .init("sip_status", .number(attempt.sipStatus)),
            .init("q850_cause", .number(attempt.q850)),
            .init("reason", .text(attempt.reason)),
            .init("ring_ms", .number(attempt.ringMs)),
            .init("channel", .number(attempt.channel)),
        ])
    }
}
