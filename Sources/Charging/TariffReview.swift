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
    /// By prefix, at most `mostDifferences` of them.
    public var differences: [Difference] = []
    /// What was done with it.
    public var outcome = ""
    /// When it comes in force, microseconds since 1970 UTC; nil: at once, or never.
    public var validFrom: Int64?

    public static let mostDifferences = 1000

    public var hasErrors: Bool { findings.contains { $0.severity == .error } }
    public var isUnchanged: Bool { added + removed + changed == 0 && !isCalendarChanged }
}

extension Tariff {
    /// Reads a file as `parse` does, remarks on what looks like a mistake, and compares it with the
    /// deck it would follow. O(n log n); some seconds for a million rows.
    ///
    /// - Parameter current: the deck now in force; nil when there is none.
    public static func review(
        csv bytes: [UInt8], file: String, against current: Tariff?
    ) -> (tariff: Tariff?, review: TariffReview) {
        var reader = TariffReader(bytes: bytes, file: file)
        let (tariff, diagnostics) = reader.read()
        var review = TariffReview(file: file, findings: diagnostics)
        guard let tariff else { return (nil, review) }
        let rows = tariff.rows
        review.rows = rows.count
        var lint = TariffLint(file: file, calendar: tariff.calendar, current: current)
        for (row, line) in zip(rows, reader.lines) { lint.look(at: row, line: line.line) }
        review.findings = lint.findings
        review.compare(rows, with: current?.rows ?? [])
        review.isCalendarChanged =
            current.map { $0.calendar != tariff.calendar || $0.currency != tariff.currency }
            ?? (tariff.calendar != .plain)
        return (tariff, review)
    }
}

extension TariffReview {
    /// Both sorted by prefix.
    fileprivate mutating func compare(_ new: [TariffRow], with old: [TariffRow]) {
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
                note(old[o].prefix, old[o], nil)
                o += 1
            } else if oldKey == newKey {
                if old[o] != new[n] {
                    changed += 1
                    note(old[o].prefix, old[o], new[n])
                }
                o += 1
                n += 1
            } else {
                added += 1
                note(new[n].prefix, nil, new[n])
                n += 1
            }
        }
    }

    private mutating func note(_ prefix: String, _ old: TariffRow?, _ new: TariffRow?) {
        guard differences.count < TariffReview.mostDifferences else { return }
        differences.append(Difference(prefix: prefix, old: old, new: new))
    }
}

/// Looks for what is allowed in a price list and still is likely a mistake, row by row in the order
/// of the prefixes.
private struct TariffLint {
    let file: String
    let current: Tariff?
    private let calendar: TariffCalendar
    /// Rows whose prefix the one at hand begins with, the longest last.
    private var around: [(end: PackedPrefix, row: TariffRow, cost: Amount, line: Int)] = []
    private var lastOrphan: PackedPrefix?
    /// Pairs of bands that were remarked on.
    private var knownPairs: Set<[String]> = []
    private var found: [TariffDiagnostic] = []
    private var omitted = 0
    private var lastLine = 1

    /// A price that is so many times its parent's, or a part of it, is remarked on.
    private static let jump = 10
    /// The same against the deck in force.
    private static let change = 3

    init(file: String, calendar: TariffCalendar, current: Tariff?) {
        self.file = file
        self.calendar = calendar
        self.current = current
    }

    /// In the order of the lines.
    var findings: [TariffDiagnostic] {
        var findings = found.sorted { ($0.line, $0.message) < ($1.line, $1.message) }
        if omitted > 0 {
            findings.append(
                TariffDiagnostic(
                    file: file, line: lastLine, column: 1,
                    message: "and \(omitted) more warnings", severity: .warning))
        }
        return findings
    }

    private mutating func remark(_ line: Int, _ message: String) {
        guard found.count < Tariff.mostDiagnostics else {
            omitted += 1
            return
        }
        found.append(
            TariffDiagnostic(
                file: file, line: line, column: 1, message: message, severity: .warning))
    }

    /// Ten minutes of talk, at hours without a band.
    private func cost(_ row: TariffRow) -> Amount { Rating(row).price(milliseconds: 600_000) }

    mutating func look(at row: TariffRow, line: Int) {
        guard let prefix = PackedPrefix(exactly: row.prefix.utf8) else { return }
        lastLine = max(lastLine, line)
        while let last = around.last, last.end <= prefix { around.removeLast() }
        let cost = cost(row)
        if let parent = around.last {
            compare(row, cost, line, parent: parent.row, parent.cost, parent.line)
        } else if prefix.length > 2 {
            lookForParent(of: prefix, line: line)
        }
        compareWithCurrent(row, cost, line)
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
            remark(line, "overlapping: \(inside) and costs the same: it changes nothing")
        } else if row.name == parent.name {
            remark(line, "overlapping: \(inside), has its name and another price")
        }
        if let ratio = TariffLint.ratio(cost, parentCost, beyond: TariffLint.jump) {
            remark(
                line,
                "suspicious jump: ten minutes to \(row.prefix) cost \(cost.shortDescription), "
                    + "\(ratio) what \(parent.prefix) (line \(parentLine)) costs, "
                    + parentCost.shortDescription)
        }
    }

    private mutating func lookForParent(of prefix: PackedPrefix, line: Int) {
        let missing = prefix.prefix(prefix.length - 1)
        guard missing != lastOrphan else { return }
        lastOrphan = missing
        remark(
            line,
            "missing parent: no shorter prefix covers \(prefix.text), so other numbers that begin "
                + "with \(missing.text) have no price")
    }

    private mutating func compareWithCurrent(_ row: TariffRow, _ cost: Amount, _ line: Int) {
        guard let old = current?.row(for: row.prefix) else { return }
        let oldCost = self.cost(old)
        if let ratio = TariffLint.ratio(cost, oldCost, beyond: TariffLint.change) {
            remark(
                line,
                "suspicious jump: ten minutes to \(row.prefix) cost \(cost.shortDescription), "
                    + "\(ratio) what they cost now, \(oldCost.shortDescription)")
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
                    line,
                    "overlapping: bands \(first.name) and \(second.name) hold at the same hours; "
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
    private static func ratio(_ a: Amount, _ b: Amount, beyond limit: Int) -> String? {
        guard a != b else { return nil }
        guard a.isPositive else { return "nothing of" }
        guard b.isPositive else { return "not for nothing as" }
        if a.micros > b.micros * Int64(limit) { return "\(a.micros / b.micros) times" }
        if b.micros > a.micros * Int64(limit) { return "one part in \(b.micros / a.micros) of" }
        return nil
    }
}
