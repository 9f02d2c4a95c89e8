/// The price list: which row is for a number, by longest prefix.
///
/// The prefixes cut the space of numbers into stretches, and each stretch knows the row that is for
/// the numbers in it: where a prefix begins its own row starts, and where it ends the row of the
/// next shorter prefix goes on. So a look-up is one binary search, however deep prefixes nest. One
/// million prefixes take at most 24 MB, as rows of the same name and prices share them, and a
/// look-up among them stays below a microsecond.
///
/// What is looked up is the normalised dialled number as the dialplan classes it: local `86035566`,
/// national `02088886666`, international `0085212345678`. A number without a row has no price, and
/// so is not sold: there is no default row that would make a typing error a free call.
public struct Tariff: Sendable {
    /// As many digits as a number of E.164 has.
    public static let longestPrefix = PackedPrefix.longest
    public static let mostRows = 4_000_000

    /// What rows with the same prices share.
    struct Rate: Hashable, Sendable {
        var name: String
        var connectFee: Amount
        var steps: [TariffRow.Step]
        var freeSeconds = 0
        var minimum = Amount.zero
        var rounding = Rounding.exact
        var inBands: [TariffRow.BandPrice] = []
    }

    /// A row on its way in; `origin` is its line or its position.
    struct Entry {
        var prefix: PackedPrefix
        var rate: Int32
        var origin: Int32
        /// The place of its time band, from 1; 0 for the row itself.
        var band: Int32 = 0
    }

    /// The row of a stretch: an index into `rates`, and the length of the prefix, which is then
    /// known from any number in the stretch. Length 0: no row.
    private struct Stretch: Sendable, Hashable {
        private var word: UInt32

        static let unsold = Stretch(rate: 0, length: 0)

        init(rate: Int32, length: Int) { word = UInt32(rate) << 4 | UInt32(length) }

        var rate: Int { Int(word >> 4) }
        var length: Int { Int(word & 0xf) }
    }

    /// How many stretches lie between two landmarks.
    private static let stride = 32

    /// Where each stretch begins, ascending.
    private var starts: [PackedPrefix] = []
    private var stretches: [Stretch] = []
    /// Every `stride`-th of `starts`. They are few enough to stay in the processor's cache, so that
    /// most of a search among a million does not leave it.
    private var landmarks: [PackedPrefix] = []
    private var rates: [Rate] = []

    /// How many rows there are.
    public private(set) var count = 0
    /// Time bands and holidays.
    public private(set) var calendar = TariffCalendar.plain
    /// ISO 4217; nil for the site's own.
    public private(set) var currency: String?

    /// A tariff without rows: nothing can be sold.
    public init() {}

    /// The first row that cannot be taken is thrown. Sorting costs O(n log n).
    public init(
        rows: [TariffRow], calendar: TariffCalendar = .plain, currency: String? = nil
    ) throws(TariffError) {
        var entries: [Entry] = []
        entries.reserveCapacity(rows.count)
        var interner = RateTable()
        for (position, row) in rows.enumerated() {
            if let reason = row.refusal(in: calendar) {
                throw TariffError(reason: reason, row: position, prefix: row.prefix)
            }
            guard let prefix = PackedPrefix(exactly: row.prefix.utf8) else {
                throw TariffError(reason: .invalidPrefix, row: position, prefix: row.prefix)
            }
            guard position < Tariff.mostRows else {
                throw TariffError(reason: .tooManyRows, row: position, prefix: row.prefix)
            }
            let rate = interner.index(of: Rate(row))
            entries.append(Entry(prefix: prefix, rate: rate, origin: Int32(position)))
        }
        Tariff.sort(&entries)
        if let second = Tariff.duplicates(in: entries).first?.second {
            let position = Int(second.origin)
            throw TariffError(
                reason: .duplicatePrefix, row: position, prefix: rows[position].prefix)
        }
        self.init(
            sorted: entries, rates: interner.rates, calendar: calendar, currency: currency)
    }

    /// `entries` sorted and without duplicates.
    init(
        sorted entries: [Entry], rates: [Rate], calendar: TariffCalendar, currency: String?
    ) {
        self.rates = rates
        self.calendar = calendar
        self.currency = currency
        count = entries.count
        starts.reserveCapacity(entries.count)
        stretches.reserveCapacity(entries.count)
        // The prefixes that the one at hand begins with, the longest last.
        var around: [(end: PackedPrefix, stretch: Stretch)] = []
        for entry in entries {
            closeAll(in: &around, endingBy: entry.prefix)
            let stretch = Stretch(rate: entry.rate, length: entry.prefix.length)
            begin(stretch, at: entry.prefix)
            around.append((entry.prefix.end, stretch))
        }
        closeAll(in: &around, endingBy: nil)
        landmarks = Swift.stride(from: 0, to: starts.count, by: Tariff.stride).map { starts[$0] }
    }

    private mutating func closeAll(
        in around: inout [(end: PackedPrefix, stretch: Stretch)], endingBy limit: PackedPrefix?
    ) {
        while let last = around.last, limit.map({ last.end <= $0 }) ?? true {
            around.removeLast()
            begin(around.last?.stretch ?? .unsold, at: last.end)
        }
    }

    private mutating func begin(_ stretch: Stretch, at start: PackedPrefix) {
        // Where one prefix ends another may begin: the later word is the right one.
        if starts.last == start {
            stretches[stretches.count - 1] = stretch
        } else {
            starts.append(start)
            stretches.append(stretch)
        }
    }

    static func sort(_ entries: inout [Entry]) {
        entries.sort { a, b in
            if a.prefix != b.prefix { return a.prefix < b.prefix }
            return a.band == b.band ? a.origin < b.origin : a.band < b.band
        }
    }

    /// Neighbours of equal prefix and band, in the order of the prefixes.
    static func duplicates(in entries: [Entry]) -> [(first: Entry, second: Entry)] {
        guard entries.count > 1 else { return [] }
        var found: [(first: Entry, second: Entry)] = []
        var first = entries[0]
        for entry in entries[1...] {
            if entry.prefix == first.prefix, entry.band == first.band {
                found.append((first, entry))
            } else {
                first = entry
            }
        }
        return found
    }

    // MARK: Asking

    public var isEmpty: Bool { count == 0 }

    /// Every row, by prefix. Builds them: O(n).
    public var rows: [TariffRow] {
        // A stretch that goes on after a longer prefix begins with more digits than its own.
        starts.indices.filter { stretches[$0].length == starts[$0].length }.map { index in
            row(starts[index], stretches[index])
        }
    }

    /// The row with the longest prefix of `digits`, or nil when calls there have no price.
    /// Does not allocate.
    public func row(for digits: String) -> TariffRow? {
        let number = PackedPrefix(leading: digits)
        guard let first = landmarks.first, first <= number else { return nil }
        let landmark = lastNotBehind(number, among: landmarks, in: 0..<landmarks.count)
        let start = landmark * Tariff.stride
        let range = start..<min(start + Tariff.stride, starts.count)
        let stretch = stretches[lastNotBehind(number, among: starts, in: range)]
        guard stretch != .unsold else { return nil }
        return row(number, stretch)
    }

    /// How long a call is taken to last when ways out are compared by what it costs, in milliseconds.
    public static let comparedMilliseconds: Int64 = 180_000

    /// What a call of `comparedMilliseconds` costs, in millionths; nil where the number has no price.
    ///
    /// - Parameters:
    ///   - at: when it is answered, microseconds since 1970 UTC: time bands count.
    ///   - offset: the site's distance from UTC then.
    public func comparedPrice(of digits: String, at: Int64, offset: UTCOffset) -> Int64? {
        guard let row = row(for: digits) else { return nil }
        return Rating(row, calendar: calendar, from: at, offset: offset)
            .price(milliseconds: Self.comparedMilliseconds).micros
    }

    private func row(_ number: PackedPrefix, _ stretch: Stretch) -> TariffRow {
        let rate = rates[stretch.rate]
        return TariffRow(
            prefix: number.prefix(stretch.length).text, name: rate.name,
            connectFee: rate.connectFee, steps: rate.steps, freeSeconds: rate.freeSeconds,
            minimum: rate.minimum, rounding: rate.rounding, inBands: rate.inBands)
    }

    /// The last index whose start is not behind the number; the first one's must not be.
    private func lastNotBehind(
        _ number: PackedPrefix, among starts: [PackedPrefix], in range: Range<Int>
    ) -> Int {
        var low = range.lowerBound
        var count = range.count
        while count > 1 {
            let half = count / 2
            low = starts[low + half] <= number ? low + half : low
            count -= half
        }
        return low
    }
}

extension Tariff.Rate {
    init(_ row: TariffRow) {
        self.init(
            name: row.name, connectFee: row.connectFee, steps: row.steps,
            freeSeconds: row.freeSeconds, minimum: row.minimum, rounding: row.rounding,
            inBands: row.inBands)
    }
}

extension Tariff: Equatable {
    /// The same rows, however their prices are shared.
    public static func == (a: Tariff, b: Tariff) -> Bool {
        a.starts == b.starts && a.calendar == b.calendar && a.currency == b.currency
            && zip(a.stretches, b.stretches).allSatisfy { stretchA, stretchB in
                stretchA.length == stretchB.length
                    && (stretchA == .unsold || a.rates[stretchA.rate] == b.rates[stretchB.rate])
            }
    }
}
