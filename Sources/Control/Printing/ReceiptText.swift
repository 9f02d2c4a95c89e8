import Charging
import Switching

/// The receipt of one call: what was charged, by which prices, and the same computed anew from nothing
/// but what the record holds.
public struct ReceiptText: Sendable {
    private let record: CallRecord
    private let currency: String

    public init(_ record: CallRecord, currency: String) {
        self.record = record
        self.currency = record.basis?.currency ?? currency
    }

    /// The price of the record's steps by its own basis; nil when it has none that can be read.
    private var computed: (amount: Amount, lines: [ReceiptLine])? {
        guard let basis = record.basis else { return nil }
        do throws(PriceBasis.Unreadable) {
            let rating = try Rating(basis)
            return (rating.cost(ofSteps: record.steps), rating.receipt(ofSteps: record.steps))
        } catch {
            // The verdict says so.
            return nil
        }
    }

    /// `yes`, or what is wrong.
    private var verdict: String {
        guard record.charge.isPositive || record.basis != nil else { return "it cost nothing" }
        guard let computed else { return "no: the record holds no prices that can be read" }
        guard computed.amount == record.charge else {
            return "no: its prices give \(computed.amount)"
        }
        return computed.lines == record.receipt ? "yes" : "no: its prices give other lines"
    }

    public func card(_ clock: SiteClock) -> String {
        var text = listing.card(clock)
        if !record.receipt.isEmpty {
            text += "made up of\n"
            for line in record.receipt { text += "  \(line)\n" }
        }
        if let basis = record.basis {
            text += "by these prices\n"
            for line in basis.tariff.split(separator: "\n") { text += "  \(line)\n" }
        }
        return text
    }

    public var json: String { listing.jsonLines }

    private var listing: Listing {
        var listing = Listing(
            [
                .init("uniqueid", "call"), .init("src", "from"), .init("normalised", "to"),
                .init("answer", "answer"), .init("billsec_ms", "milliseconds"),
                .init("account", "account"), .init("charged_extension", "charged to"),
                .init("tariff_plan", "plan"), .init("via", "via"),
                .init("tariff_prefix", "prefix"), .init("tariff", "tariff"),
                .init("steps", "steps"), .init("charge", "charge"), .init("currency", ""),
                .init("priced_from", nil), .init("utc_offset", nil),
                .init("utc_offset_changes", nil),
                .init("receipt", nil),
                .init("prices", nil), .init("computes", "computes to the same"),
            ], nothing: "no record")
        listing.append([
            .text(CallID(rawValue: record.callID).description), .text(record.caller),
            .text(record.normalised), .time(record.answeredAt), .number(record.billedMs),
            .text(record.callerAccount), .text(record.chargedExtension),
            .text(record.basis?.plan), .text(record.basis?.via), .text(record.tariffPrefix),
            .text(record.tariffName), .number(record.steps), .amount(record.charge),
            .text(currency), .time(record.basis.flatMap { $0.from > 0 ? $0.from : nil }),
            .number(record.basis?.offset.seconds),
            .texts((record.basis?.offset.changes ?? []).map { "\($0.from) \($0.seconds)" }),
            .texts(record.receipt.map(\.description)),
            .text(record.basis?.tariff), .text(verdict),
        ])
        return listing
    }
}
