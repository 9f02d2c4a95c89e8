import Charging
import Switching

/// One line to a client of the control socket: the answer to its request.
public enum Response: Sendable, Codable {
    /// The switch's own answer, refusals included.
    case reply(ControlReply)
    case records([CallRecord])
    case statement(AccountStatement)
    case tariff([TariffRow])
    case audit(AuditReport)
    case tariffReview(TariffReview)
    case tariffDecks([TariffDeckRow])
    case versions([DialplanVersionRow])
    /// Done; says what was done.
    case done(String)
    /// Not done; nothing changed. One line for each thing that is wrong.
    case refused([String])
}

/// A price list as an operator sees it.
public struct TariffDeckRow: Sendable, Codable, Hashable {
    public var deck: Int64
    public var plan: String
    public var via: String?
    /// Microseconds since 1970 UTC; nil: since ever.
    public var validFrom: Int64?
    /// `in force`, `to come` or `over`.
    public var state: String
    public var rows: Int
    /// The names of its time bands.
    public var bands: [String]
    public var currency: String?
    /// The file it came from.
    public var source: String

    public init(_ deck: TariffDeck, state: String) {
        self.deck = deck.id
        plan = deck.plan
        via = deck.via
        validFrom = deck.validFrom > 0 ? deck.validFrom : nil
        self.state = state
        rows = deck.tariff.count
        bands = deck.tariff.calendar.bands.map(\.name)
        currency = deck.tariff.currency
        source = deck.source
    }
}
