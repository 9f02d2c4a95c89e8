import Charging
import Switching

/// One line to a client of the control socket: the answer to its request.
public enum Response: Sendable, Codable {
    /// The switch's own answer, refusals included.
    case reply(ControlReply)
    case records([CallRecord])
    case statement(AccountStatement)
    case tariff(TariffListing)
    case audit(AuditReport)
    case tariffReview(TariffReview)
    case tariffDecks([TariffDeckRow])
    case versions([DialplanVersionRow])
    /// Done; says what was done.
    case done(String)
    /// Not done; nothing changed. One line for each thing that is wrong.
    case refused([String])
}

/// Rows of a price list in force.
public struct TariffListing: Sendable, Codable, Hashable {
    public var rows: [TariffRow]
    /// ISO 4217; nil is the site's.
    public var currency: String?
    /// How many more rows were asked for than are told.
    public var omitted = 0
    /// The rows as a file that an import reads as the same prices; nil where that was not asked for.
    public var csv: String?

    public init(
        rows: [TariffRow], currency: String? = nil, omitted: Int = 0, csv: String? = nil
    ) {
        self.rows = rows
        self.currency = currency
        self.omitted = omitted
        self.csv = csv
    }
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
