/// The price list: which row is for a number, by longest prefix.
///
/// The prefixes stand sorted in one array; each knows the nearest other one that it begins with. A
/// look-up is one binary search and then a walk up those parents, which in practice has no or one
/// step. A row takes 16 bytes, as rows of the same name and prices share them; one million prefixes
/// take 16 MB and a look-up in them stays well below a microsecond.
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
    }

    /// A row on its way in; `origin` is its line or its position.
    struct Entry {
        var prefix: PackedPrefix
        var rate: Int32
        var origin: Int32
    }

    private static let noParent: Int32 = -1

    private var prefixes: [PackedPrefix] = []
    private var parents: [Int32] = []
    private var rateOfRow: [Int32] = []
    private var rates: [Rate] = []

    /// A tariff without rows: nothing can be sold.
    public init() {}

    /// The first row that cannot be taken is thrown. Sorting costs O(n log n).
    public init(rows: [TariffRow]) throws(TariffError) {
        var entries: [Entry] = []
        entries.reserveCapacity(rows.count)
        var interner = RateTable()
        for (position, row) in rows.enumerated() {
            if let reason = row.refusal {
                throw TariffError(reason: reason, row: position, prefix: row.prefix)
            }
            guard let prefix = PackedPrefix(exactly: row.prefix.utf8) else {
                throw TariffError(reason: .invalidPrefix, row: position, prefix: row.prefix)
            }
            guard position < Tariff.mostRows else {
                throw TariffError(reason: .tooManyRows, row: position, prefix: row.prefix)
            }
            let rate = interner.index(
                of: Rate(name: row.name, connectFee: row.connectFee, steps: row.steps))
            entries.append(Entry(prefix: prefix, rate: rate, origin: Int32(position)))
        }
        Tariff.sort(&entries)
        if let second = Tariff.duplicates(in: entries).first?.second {
            let position = Int(second.origin)
            throw TariffError(
                reason: .duplicatePrefix, row: position, prefix: rows[position].prefix)
        }
        self.init(sorted: entries, rates: interner.rates)
    }

    /// `entries` sorted and without duplicates.
    init(sorted entries: [Entry], rates: [Rate]) {
        prefixes.reserveCapacity(entries.count)
        parents.reserveCapacity(entries.count)
        rateOfRow.reserveCapacity(entries.count)
        self.rates = rates
        var nearest = Tariff.noParent
        for (index, entry) in entries.enumerated() {
            while nearest != Tariff.noParent,
                !prefixes[Int(nearest)].isPrefix(of: entry.prefix)
            {
                nearest = parents[Int(nearest)]
            }
            prefixes.append(entry.prefix)
            parents.append(nearest)
            rateOfRow.append(entry.rate)
            nearest = Int32(index)
        }
    }

    static func sort(_ entries: inout [Entry]) {
        entries.sort { a, b in
            a.prefix == b.prefix ? a.origin < b.origin : a.prefix < b.prefix
        }
    }

    /// Neighbours of equal prefix, in the order of the prefixes.
    static func duplicates(in entries: [Entry]) -> [(first: Entry, second: Entry)] {
        guard entries.count > 1 else { return [] }
        var found: [(first: Entry, second: Entry)] = []
        var first = entries[0]
        for entry in entries[1...] {
            if entry.prefix == first.prefix {
                found.append((first, entry))
            } else {
                first = entry
            }
        }
        return found
    }

    // MARK: Asking

    public var isEmpty: Bool { prefixes.isEmpty }
    public var count: Int { prefixes.count }

    /// Every row, by prefix. Builds them: O(n).
    public var rows: [TariffRow] { prefixes.indices.map(row(at:)) }

    /// The row with the longest prefix of `digits`, or nil when calls there have no price.
    /// Does not allocate.
    public func row(for digits: String) -> TariffRow? {
        index(for: PackedPrefix(leading: digits)).map(row(at:))
    }

    private func row(at index: Int) -> TariffRow {
        let rate = rates[Int(rateOfRow[index])]
        return TariffRow(
            prefix: prefixes[index].text, name: rate.name, connectFee: rate.connectFee,
            steps: rate.steps)
    }

    private func index(for number: PackedPrefix) -> Int? {
        // The last prefix that is not behind the number. All prefixes between the right one and the
        // number begin with the right one, so it is among the parents of the last of them.
        var low = 0
        var high = prefixes.count
        while low < high {
            let middle = (low + high) / 2
            if number < prefixes[middle] {
                high = middle
            } else {
                low = middle + 1
            }
        }
        var candidate = Int32(low) - 1
        while candidate != Tariff.noParent {
            if prefixes[Int(candidate)].isPrefix(of: number) { return Int(candidate) }
            candidate = parents[Int(candidate)]
        }
        return nil
    }
}

extension Tariff: Equatable {
    public static func == (a: Tariff, b: Tariff) -> Bool {
        a.prefixes == b.prefixes
            && a.prefixes.indices.allSatisfy { index in
                a.rates[Int(a.rateOfRow[index])] == b.rates[Int(b.rateOfRow[index])]
            }
    }
}

/// Gives equal rates one place.
struct RateTable {
    private(set) var rates: [Tariff.Rate] = []
    private var indices: [Tariff.Rate: Int32] = [:]

    mutating func index(of rate: Tariff.Rate) -> Int32 {
        if let index = indices[rate] { return index }
        let index = Int32(rates.count)
        rates.append(rate)
        indices[rate] = index
        return index
    }
}

extension TariffRow {
    /// What is wrong with the row but for its prefix.
    var refusal: TariffError.Reason? {
        let prices = Amount.zero...TariffRow.largestPrice
        if name.isEmpty || name.utf8.count > TariffRow.longestName { return .invalidName }
        if !prices.contains(connectFee) { return .connectFeeOutOfRange }
        if steps.count > TariffRow.mostSteps { return .tooManySteps }
        for step in steps {
            if !prices.contains(step.price) { return .priceOutOfRange }
            if !(1...TariffRow.longestStepSeconds).contains(step.seconds) {
                return .stepOutOfRange
            }
        }
        return nil
    }
}
