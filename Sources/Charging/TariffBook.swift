/// A price list of a tariff plan, and since when it holds.
public struct TariffDeck: Sendable {
    /// The store's number for it; 0 for one that is in no store.
    public var id: Int64
    /// The plan it belongs to.
    public var plan: String
    /// The trunk whose calls it prices, or `line` for the direct lines; nil prices them all.
    public var via: String?
    /// Microseconds since 1970 UTC. It holds until the plan's next one does.
    public var validFrom: Int64
    /// The file it was read from, as a label.
    public var source: String
    public var tariff: Tariff

    public init(
        id: Int64 = 0, plan: String = TariffBook.standardPlan, via: String? = nil,
        validFrom: Int64 = .min, source: String = "", tariff: Tariff
    ) {
        self.id = id
        self.plan = plan
        self.via = via
        self.validFrom = validFrom
        self.source = source
        self.tariff = tariff
    }
}

/// All price lists: of every plan, those in force, those to come, and those for one way out.
///
/// Which plan prices a call is the account's to say, and its parents' where it says nothing
/// (`Ledger.tariffPlan(of:)`). Of a plan's decks the one that began last is in force. A deck for one
/// trunk goes before the general one; a number that it does not price costs what the general one
/// says.
public struct TariffBook: Sendable {
    /// The plan of accounts that name none.
    public static let standardPlan = "standard"
    /// The name of the direct lines as a way out.
    public static let lines = "line"
    public static let mostDecks = 1000
    /// Of a plan's name, in bytes.
    public static let longestPlan = 32

    private struct Key: Hashable, Sendable {
        var plan: String
        var via: String?
    }

    /// Ascending by beginning.
    private var decks: [Key: [TariffDeck]] = [:]
    /// Most sites have no list for one way out: then none is looked for.
    private var waysOut: Set<String> = []

    public init() {}

    /// One price list for everybody, for ever.
    public init(_ tariff: Tariff) {
        guard !tariff.isEmpty else { return }
        put(TariffDeck(tariff: tariff))
    }

    public init(decks: [TariffDeck]) {
        for deck in decks { put(deck) }
    }

    /// A name of 1 to 32 of `a-z 0-9 - _ .`, a letter or digit first.
    public static func isValidPlan(_ name: String) -> Bool {
        (1...longestPlan).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
                    || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: ".")
            } && name.utf8.first.map { $0 >= UInt8(ascii: "0") } ?? false
    }

    // MARK: Asking

    public var isEmpty: Bool { decks.isEmpty }
    public var count: Int { decks.values.reduce(0) { $0 + $1.count } }

    /// Every plan, by name.
    public var plans: [String] { Set(decks.keys.map(\.plan)).sorted() }

    public func has(plan: String) -> Bool { decks.keys.contains { $0.plan == plan } }

    /// Every deck, by plan, way out and beginning.
    public var all: [TariffDeck] {
        decks.keys.sorted { ($0.plan, $0.via ?? "") < ($1.plan, $1.via ?? "") }
            .flatMap { decks[$0] ?? [] }
    }

    /// The deck that is in force at a moment, microseconds since 1970 UTC.
    public func deck(plan: String, via: String? = nil, at: Int64) -> TariffDeck? {
        decks[Key(plan: plan, via: via)]?.last { $0.validFrom <= at }
    }

    /// The row for a number and the deck it stands in: of the way out itself, or else the general one.
    public func price(
        of number: String, plan: String, via: String? = nil, at: Int64
    ) -> (row: TariffRow, deck: TariffDeck)? {
        if let via, waysOut.contains(via), let deck = deck(plan: plan, via: via, at: at),
            let row = deck.tariff.row(for: number)
        {
            return (row, deck)
        }
        guard let deck = deck(plan: plan, at: at), let row = deck.tariff.row(for: number) else {
            return nil
        }
        return (row, deck)
    }

    // MARK: Changing

    /// Adds a deck in the place of one with the same plan, way out and beginning.
    public mutating func put(_ deck: TariffDeck) {
        let key = Key(plan: deck.plan, via: deck.via)
        var list = decks[key] ?? []
        list.removeAll { $0.validFrom == deck.validFrom }
        let place = list.firstIndex { $0.validFrom > deck.validFrom } ?? list.count
        list.insert(deck, at: place)
        decks[key] = list
        if let via = deck.via { waysOut.insert(via) }
    }

    /// Takes a deck out by its number; nil when there is none.
    public mutating func remove(id: Int64) -> TariffDeck? {
        for (key, list) in decks {
            guard let place = list.firstIndex(where: { $0.id == id }) else { continue }
            let deck = list[place]
            decks[key]?.remove(at: place)
            if list.count == 1 { decks[key] = nil }
            return deck
        }
        return nil
    }

    /// The numbers of decks that no call can be priced by any more: a later one of their plan holds.
    public func outdated(at: Int64) -> [Int64] {
        decks.values.flatMap { list -> [Int64] in
            guard let current = list.lastIndex(where: { $0.validFrom <= at }) else { return [] }
            return list[..<current].map(\.id)
        }
        .sorted()
    }
}
