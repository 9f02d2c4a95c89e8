/// What somebody should know of a price list before it is put in force: what is wrong with the file,
/// what looks wrong, and what would change.
public struct TariffReview: Sendable, Codable, Hashable {
    /// One prefix whose price would change.
    public struct Difference: Sendable, Codable, Hashable {
        public var prefix: String
        /// nil for a row that is new.
        public var old: TariffRow?
        /// nil for a row that goes.
        public var new: TariffRow?
    }

    public var file: String
    /// Errors and warnings in the order of the lines. With an error among them nothing can be
    /// imported, and the rest is not looked at.
    public var findings: [TariffDiagnostic]
    public var rows = 0
    public var added = 0
    public var removed = 0
    public var changed = 0
    /// Bands, holidays or currency are others.
    public var isCalendarChanged = false
    /// By prefix, at most as many as were asked for.
    public var differences: [Difference] = []
    /// What was done with it.
    public var outcome = ""
    /// When it comes in force, microseconds since 1970 UTC; nil: at once, or never.
    public var validFrom: Int64?

    /// How much of what is found is told, of each kind; the rest is counted.
    public struct Extent: Sendable, Codable, Hashable {
        /// Remarks of each kind, so that a thousand of one never hide the only one of another.
        public var findings: Int
        public var differences: Int

        /// What somebody reads on a screen.
        public static let usual = Extent(findings: 100, differences: 1000)
        /// What a program or a file takes.
        public static let all = Extent(findings: 200_000, differences: 500_000)
    }

    public var hasErrors: Bool { findings.contains { $0.severity == .error } }
    public var isUnchanged: Bool { added + removed + changed == 0 && !isCalendarChanged }
}

extension Tariff {
    /// Reads a file as `parse` does, remarks on what looks like a mistake, and compares it with the
    /// deck it would follow. O(n log n); some seconds for a million rows.
    ///
    /// A file without any row is an error here: it would end all calls that cost something.
    ///
    /// - Parameter current: the deck now in force; nil when there is none.
    public static func review(
        csv bytes: [UInt8], file: String, against current: Tariff?,
        telling extent: TariffReview.Extent = .usual
    ) -> (tariff: Tariff?, review: TariffReview) {
        var reader = TariffReader(bytes: bytes, file: file)
        let (tariff, diagnostics) = reader.read()
        var review = TariffReview(file: file, findings: diagnostics)
        guard let tariff else { return (nil, review) }
        guard !tariff.isEmpty else {
            review.findings = [
                TariffDiagnostic(
                    file: file, line: reader.lastLine, column: 1,
                    message: "there is no row behind the header, so no number would have a price; "
                        + "\"tandem tariff remove\" takes a price list out")
            ]
            return (nil, review)
        }
        let rows = tariff.rows
        review.rows = rows.count
        var lint = TariffLint(
            file: file, calendar: tariff.calendar, current: current, most: extent.findings)
        lint.compareCurrencies(tariff.currency, line: reader.currencyLine)
        var lines = reader.lines.makeIterator()
        for row in rows {
            guard let first = lines.next() else { break }
            let ofBands = row.inBands.indices.map { _ in lines.next() ?? first }
            lint.look(at: row, line: first, bandLines: ofBands)
        }
        review.findings = lint.findings
        review.compare(rows, with: current?.rows ?? [], telling: extent.differences)
        review.isCalendarChanged =
            current.map { $0.calendar != tariff.calendar || $0.currency != tariff.currency }
            ?? (tariff.calendar != .plain)
        return (tariff, review)
    }
}

extension TariffReview {
    /// Both sorted by prefix.
    fileprivate mutating func compare(
        _ new: [TariffRow], with old: [TariffRow], telling most: Int
    ) {
        func packed(_ row: TariffRow) -> PackedPrefix? { PackedPrefix(exactly: row.prefix.utf8) }
        var (o, n) = (0, 0)
        while o < old.count || n < new.count {
            let oldKey = o < old.count ? packed(old[o]) : nil
            let newKey = n < new.count ? packed(new[n]) : nil
            let isOldFirst: Bool
            switch (oldKey, newKey) {
            case (let oldKey?, let newKey?): isOldFirst = oldKey < newKey
            case (.some, nil): isOldFirst = true
            case (nil, _): isOldFirst = false
            }
            if isOldFirst {
                removed += 1
                note(old[o].prefix, old[o], nil, most)
                o += 1
            } else if oldKey == newKey {
                if old[o] != new[n] {
                    changed += 1
                    note(old[o].prefix, old[o], new[n], most)
                }
                o += 1
                n += 1
            } else {
                added += 1
                note(new[n].prefix, nil, new[n], most)
                n += 1
            }
        }
    }

    private mutating func note(
        _ prefix: String, _ old: TariffRow?, _ new: TariffRow?, _ most: Int
    ) {
        guard differences.count < most else { return }
        differences.append(Difference(prefix: prefix, old: old, new: new))
    }
}

/// Looks for what is allowed in a price list and still is likely a mistake, row by row in the order
/// of the prefixes.
private struct TariffLint {
    private enum Kind: String, CaseIterable {
        case jump = "suspicious jump"
        case currency = "another currency"
        case overlap = "overlapping"
        case orphan = "missing parent"
    }

    let file: String
    let current: Tariff?
    private let calendar: TariffCalendar
    /// Remarks of each kind that are told.
    private let most: Int
    /// Rows whose prefix the one at hand begins with, the longest last.
    private var around: [(end: PackedPrefix, row: TariffRow, cost: Amount, line: Int)] = []
    private var lastOrphan: PackedPrefix?
    /// Pairs of bands that were remarked on.
    private var knownPairs: Set<[String]> = []
    private var found: [TariffDiagnostic] = []
    private var counts: [Kind: Int] = [:]
    private var lastLine = 1

    /// A price that is so many times its parent's, or a part of it, is remarked on: a point that slid
    /// by one digit makes ten.
    private static let jump = 10
    /// The same against the deck in force.
    private static let change = 3

    init(file: String, calendar: TariffCalendar, current: Tariff?, most: Int) {
        self.file = file
        self.calendar = calendar
        self.current = current
        self.most = most
    }

    /// In the order of the lines, and then how many more of each kind there are.
    var findings: [TariffDiagnostic] {
        var findings = found.sorted { ($0.line, $0.message) < ($1.line, $1.message) }
        for kind in Kind.allCases {
            let omitted = (counts[kind] ?? 0) - most
            guard omitted > 0 else { continue }
            findings.append(
                TariffDiagnostic(
                    file: file, line: lastLine, column: 1,
                    message: "and \(omitted) more of \"\(kind.rawValue)\"; --all tells them",
                    severity: .warning))
        }
        return findings
    }

    private mutating func remark(_ kind: Kind, _ line: Int, _ message: String) {
        counts[kind, default: 0] += 1
        guard counts[kind, default: 0] <= most else { return }
        found.append(
            TariffDiagnostic(
                file: file, line: line, column: 1, message: "\(kind.rawValue): \(message)",
                severity: .warning))
    }

    /// Ten minutes of talk, at hours without a band.
    private func cost(_ row: TariffRow) -> Amount { Rating(row).price(milliseconds: 600_000) }

    /// Ten minutes of talk while a band holds.
    private func cost(_ row: TariffRow, in band: TariffRow.BandPrice) -> Amount {
        cost(
            TariffRow(
                prefix: row.prefix, name: row.name, connectFee: band.connectFee, steps: band.steps,
                freeSeconds: row.freeSeconds, minimum: row.minimum, rounding: row.rounding))
    }

    /// Calls are refused whose account is in another currency than their price.
    mutating func compareCurrencies(_ new: String?, line: Int) {
        guard let current, current.currency != new else { return }
        let names = [current.currency, new].map { $0 ?? "the site's currency" }
        remark(
            .currency, line,
            "prices in \(names[1]) take the place of prices in \(names[0]); an account pays for "
                + "calls in its own currency alone")
    }

    /// - Parameter bandLines: of the row's prices in bands.
    mutating func look(at row: TariffRow, line: Int, bandLines: [Int]) {
        guard let prefix = PackedPrefix(exactly: row.prefix.utf8) else { return }
        lastLine = max(lastLine, line)
        while let last = around.last, last.end <= prefix { around.removeLast() }
        let cost = cost(row)
        if let parent = around.last {
            compare(row, cost, line, parent: parent.row, parent.cost, parent.line)
        } else if prefix.length > 2 {
            lookForParent(of: prefix, line: line)
        }
        lookAtSteps(row.steps, of: row.prefix, line)
        let old = current?.row(for: row.prefix)
        if let old { compare(cost, to: row.prefix, with: self.cost(old), line) }
        for (band, line) in zip(row.inBands, bandLines) {
            look(at: band, of: row, cost, old: old, line: line)
        }
        lookAtBands(row, line)
        around.append((prefix.end, row, cost, line))
    }

    private mutating func compare(
        _ row: TariffRow, _ cost: Amount, _ line: Int, parent: TariffRow, _ parentCost: Amount,
        _ parentLine: Int
    ) {
        let inside = "prefix \(row.prefix) lies inside \(parent.prefix) (line \(parentLine))"
        var same = parent
        same.prefix = row.prefix
        if same == row {
            remark(.overlap, line, "\(inside) and costs the same: it changes nothing")
        } else if row.name == parent.name {
            remark(.overlap, line, "\(inside), has its name and another price")
        }
        if let ratio = TariffLint.ratio(cost, parentCost, from: TariffLint.jump) {
            remark(
                .jump, line,
                "ten minutes to \(row.prefix) cost \(cost.shortDescription), "
                    + "\(ratio) what \(parent.prefix) (line \(parentLine)) costs, "
                    + parentCost.shortDescription)
        }
    }

    private mutating func lookForParent(of prefix: PackedPrefix, line: Int) {
        let missing = prefix.prefix(prefix.length - 1)
        guard missing != lastOrphan else { return }
        lastOrphan = missing
        remark(
            .orphan, line,
            "no shorter prefix covers \(prefix.text), so other numbers that begin "
                + "with \(missing.text) have no price")
    }

    private mutating func compare(
        _ cost: Amount, to what: String, with oldCost: Amount, _ line: Int
    ) {
        guard let ratio = TariffLint.ratio(cost, oldCost, from: TariffLint.change) else { return }
        remark(
            .jump, line,
            "ten minutes to \(what) cost \(cost.shortDescription), "
                + "\(ratio) what they cost now, \(oldCost.shortDescription)")
    }

    /// What a row costs in a band, beside other hours and beside the same band of the list in force.
    private mutating func look(
        at band: TariffRow.BandPrice, of row: TariffRow, _ plain: Amount, old: TariffRow?, line: Int
    ) {
        lastLine = max(lastLine, line)
        lookAtSteps(band.steps, of: row.prefix, line)
        let cost = cost(row, in: band)
        let what = "\(row.prefix) in band \(band.band)"
        // A band may be free, as nights and weekends often are.
        if cost.isPositive, let ratio = TariffLint.ratio(cost, plain, from: TariffLint.jump) {
            remark(
                .jump, line,
                "ten minutes to \(what) cost \(cost.shortDescription), "
                    + "\(ratio) what they cost at other hours, \(plain.shortDescription)")
        }
        guard let old, let before = old.inBands.first(where: { $0.band == band.band }) else {
            return
        }
        compare(cost, to: what, with: self.cost(old, in: before), line)
    }

    /// A second that costs so many times one of the step before. A first step that is dearer is no
    /// mistake: many lists write their connect fee so.
    private mutating func lookAtSteps(_ steps: [TariffRow.Step], of prefix: String, _ line: Int) {
        for (before, step) in zip(steps, steps.dropFirst()) where before.price.isPositive {
            let (one, other) = (before.price * step.seconds, step.price * before.seconds)
            guard other.micros >= one.micros * Int64(TariffLint.jump) else { continue }
            remark(
                .jump, line,
                "a second of step \(step.price.shortDescription)/\(step.seconds) of \(prefix) costs "
                    + "\(other.micros / one.micros) times one of the step before, "
                    + "\(before.price.shortDescription)/\(before.seconds)")
        }
    }

    /// Bands that hold at the same time: the first one wins, which may not be what was meant.
    private mutating func lookAtBands(_ row: TariffRow, _ line: Int) {
        guard row.inBands.count > 1 else { return }
        let bands = row.inBands.compactMap { price in
            calendar.bands.first { $0.name == price.band }
        }
        for (place, first) in bands.enumerated() {
            for second in bands[(place + 1)...]
            where knownPairs.insert([first.name, second.name]).inserted
                && TariffLint.overlap(first, second)
            {
                remark(
                    .overlap, line,
                    "bands \(first.name) and \(second.name) hold at the same hours; "
                        + "\(first.name) goes first, as it stands first")
            }
        }
    }

    private static func overlap(_ a: TimeBand, _ b: TimeBand) -> Bool {
        for day in 0..<8 {
            let today: UInt8 = 1 << UInt8(day)
            // A holiday follows any day; the week goes round.
            let before: UInt8 = day == 7 ? 0 : 1 << UInt8((day + 6) % 7)
            for minute in 0..<1440
            where a.holds(minute: minute, day: today, dayBefore: before)
                && b.holds(minute: minute, day: today, dayBefore: before)
            {
                return true
            }
        }
        return false
    }

    /// `12 times` or `a 12th of`; nil when they are near each other.
    private static func ratio(_ a: Amount, _ b: Amount, from limit: Int) -> String? {
        guard a != b else { return nil }
        guard a.isPositive else { return "nothing of" }
        guard b.isPositive else { return "not for nothing as" }
        if a.micros >= b.micros * Int64(limit) { return "\(a.micros / b.micros) times" }
        if b.micros >= a.micros * Int64(limit) { return "one part in \(b.micros / a.micros) of" }
        return nil
    }
}
