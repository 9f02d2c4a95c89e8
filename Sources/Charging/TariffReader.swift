/// Reads one tariff file from its first byte to its last, and gathers all that is wrong with it.
struct TariffReader {
    private struct Field {
        /// Where its text begins in the file.
        var offset: Int
        /// A slice of the file, so that its indices are places; but for one with doubled quotes.
        var content: ArraySlice<UInt8>
    }

    private let bytes: [UInt8]
    private let file: String

    private var lineNumber = 0
    private var lineStart = 0
    private var diagnostics: [TariffDiagnostic] = []
    private var omitted = 0

    private var entries: [Tariff.Entry] = []
    /// What the lines say behind their prefixes.
    private var table = RateTable()
    /// What stood behind the prefix, as it was written, and what it is: most rows repeat one.
    private var knownRates: [ArraySlice<UInt8>: (rate: Int32, band: Int32)] = [:]

    // What the lines before the header say.
    private var bands: [TimeBand] = []
    private var holidays: [CivilDay] = []
    private var currency: String?
    /// Where that is said; 1 where nothing is.
    private(set) var currencyLine = 1
    /// The columns behind the first four, in the order of the file.
    private var moreColumns: [String] = []

    init(bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    mutating func read() -> (tariff: Tariff?, diagnostics: [TariffDiagnostic]) {
        var position = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? 3 : 0
        var hasHeader = false
        while position < bytes.count {
            lineStart = position
            lineNumber += 1
            let lineFeed = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            position = lineFeed + 1
            var end = lineFeed
            if end > lineStart, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
            let line = trimmed(bytes[lineStart..<end])
            guard !line.isEmpty else { continue }
            if hasHeader {
                readRow(line)
            } else if !readDirective(line) {
                hasHeader = true
                // Without the right header every line behind it would be wrong in the same way.
                guard readHeader(line) else { break }
            }
        }
        if !hasHeader {
            lineNumber = max(lineNumber, 1)
            report(at: lineStart, "the file has no header \(Tariff.columns.joined(separator: ","))")
        }
        Tariff.sort(&entries)
        reportDuplicates()
        let rows = joinBands()
        diagnostics.sort { ($0.line, $0.column) < ($1.line, $1.column) }
        if omitted > 0 {
            diagnostics.append(
                TariffDiagnostic(
                    file: file, line: lineNumber, column: 1, message: "and \(omitted) more errors"))
        }
        guard diagnostics.isEmpty else { return (nil, diagnostics) }
        let tariff = Tariff(
            sorted: rows, rates: table.rates,
            calendar: TariffCalendar(bands: bands, holidays: holidays), currency: currency)
        return (tariff, [])
    }

    /// The line of each price in the order of the prefixes, a prefix's own row before those of its
    /// bands, for whoever remarks on them; after `read`.
    var lines: some Sequence<Int> { entries.lazy.map { Int($0.origin) } }

    /// After `read`: the last line there is, from 1.
    var lastLine: Int { max(lineNumber, 1) }

    /// Puts what a prefix costs in bands into its own row.
    private mutating func joinBands() -> [Tariff.Entry] {
        guard entries.contains(where: { $0.band > 0 }) else { return entries }
        var rows: [Tariff.Entry] = []
        rows.reserveCapacity(entries.count)
        var joined: [[Int32]: Int32] = [:]
        var index = 0
        while index < entries.count {
            var entry = entries[index]
            var end = index + 1
            while end < entries.count, entries[end].prefix == entry.prefix { end += 1 }
            if entry.band > 0 {
                report(
                    TariffDiagnostic(
                        file: file, line: Int(entry.origin), column: 1,
                        message: "prefix \(entry.prefix.text) has no row without a band, so it "
                            + "has no price at other hours"))
            } else if end > index + 1 {
                let key = entries[index..<end].flatMap { [$0.rate, $0.band] }
                if let known = joined[key] {
                    entry.rate = known
                } else {
                    var rate = table.rates[Int(entry.rate)]
                    for other in entries[(index + 1)..<end] {
                        let price = table.rates[Int(other.rate)]
                        rate.inBands.append(
                            TariffRow.BandPrice(
                                band: bands[Int(other.band) - 1].name,
                                connectFee: price.connectFee, steps: price.steps))
                    }
                    entry.rate = table.index(of: rate)
                    joined[key] = entry.rate
                }
            }
            rows.append(entry)
            index = end
        }
        return rows
    }

    // MARK: Lines

    /// What is said before the header for the whole file.
    ///
    /// - Returns: false for what is no such line.
    private mutating func readDirective(_ line: ArraySlice<UInt8>) -> Bool {
        let word = line.prefix { $0 != UInt8(ascii: ",") }
        let name = String(decoding: trimmed(word), as: UTF8.self)
        guard ["band", "holiday", "currency"].contains(name) else { return false }
        guard let fields = split(line) else { return true }
        let texts = fields.dropFirst().map { String(decoding: $0.content, as: UTF8.self) }
        guard let first = texts.first else {
            report(at: line.startIndex, "\(name) needs a value behind a comma")
            return true
        }
        switch name {
        case "band": readBand(texts, fields)
        case "holiday": readHolidays(first, at: fields[1].offset)
        default:
            let isCode =
                first.utf8.count == 3
                && first.utf8.allSatisfy { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 }
            if !isCode || currency != nil {
                report(at: fields[1].offset, "there is one currency, three letters like CNY")
            }
            currency = first
            currencyLine = lineNumber
        }
        return true
    }

    private mutating func readBand(_ texts: [String], _ fields: [Field]) {
        // Hours with commas between them are as good as hours with semicolons.
        let hours = texts.dropFirst().joined(separator: ";")
        let (band, problem) = TimeBand.parse(name: texts[0], hours: hours)
        guard let band else { return report(at: fields[min(2, fields.count - 1)].offset, problem) }
        guard !bands.contains(where: { $0.name == band.name }) else {
            return report(at: fields[1].offset, "there is a band \(band.name) already")
        }
        guard bands.count < TariffCalendar.mostBands else {
            return report(
                at: fields[1].offset, "a tariff has at most \(TariffCalendar.mostBands) bands")
        }
        bands.append(band)
    }

    private mutating func readHolidays(_ text: String, at offset: Int) {
        let ends = text.split(separator: ".", omittingEmptySubsequences: true).map(String.init)
        guard 1...2 ~= ends.count, let first = CivilDay(ends[0]),
            let last = ends.count == 2 ? CivilDay(ends[1]) : first, first <= last,
            last.number - first.number < 366
        else {
            return report(
                at: offset,
                "\"\(text.prefix(32))\" is no date like 2026-10-01, "
                    + "nor dates like 2026-10-01..2026-10-07")
        }
        var day = first
        while day <= last {
            holidays.append(day)
            day = day.next
        }
        if holidays.count > TariffCalendar.mostHolidays {
            report(at: offset, "a tariff has at most \(TariffCalendar.mostHolidays) holidays")
        }
    }

    private mutating func readHeader(_ line: ArraySlice<UInt8>) -> Bool {
        guard let fields = split(line) else { return false }
        let names = fields.map { String(decoding: $0.content, as: UTF8.self) }
        let more = Array(names.dropFirst(Tariff.columns.count))
        guard Array(names.prefix(Tariff.columns.count)) == Tariff.columns,
            Set(more).count == more.count, Set(more).isSubset(of: Tariff.moreColumns)
        else {
            report(
                at: line.startIndex,
                "the header has to be \(Tariff.columns.joined(separator: ",")), and behind it any "
                    + "of \(Tariff.moreColumns.joined(separator: ","))")
            return false
        }
        moreColumns = more
        return true
    }

    private mutating func readRow(_ line: ArraySlice<UInt8>) {
        guard entries.count < Tariff.mostRows else {
            return report(at: line.startIndex, TariffError.Reason.tooManyRows.text)
        }
        let comma = line.firstIndex(of: UInt8(ascii: ","))
        if let comma, let known = knownRates[line[(comma + 1)...]],
            let prefix = PackedPrefix(exactly: line[..<comma])
        {
            entries.append(
                Tariff.Entry(
                    prefix: prefix, rate: known.rate, origin: Int32(lineNumber), band: known.band))
            return
        }
        guard let fields = split(line) else { return }
        let width = Tariff.columns.count + moreColumns.count
        guard fields.count == width else {
            let last = fields[min(fields.count, width + 1) - 1]
            return report(
                at: last.offset, "a row has \(width) fields, and this one \(fields.count)")
        }
        // All are looked at before any of them ends the row: each may have its own error.
        let prefix = readPrefix(fields[0])
        let name = readName(fields[1])
        let fee = readPrice(fields[2].content, at: fields[2].offset, or: .connectFeeOutOfRange)
        let steps = readSteps(fields[3])
        let more = readMore(fields[Tariff.columns.count...])
        guard let prefix, let name, let fee, let steps, let more else { return }
        let rate = table.index(
            of: Tariff.Rate(
                name: name, connectFee: fee, steps: steps, freeSeconds: more.freeSeconds,
                minimum: more.minimum, rounding: more.rounding))
        entries.append(
            Tariff.Entry(
                prefix: prefix, rate: rate, origin: Int32(lineNumber), band: more.band))
        if let comma, knownRates.count < Self.mostKnown {
            knownRates[line[(comma + 1)...]] = (rate, more.band)
        }
    }

    private static let mostKnown = 65_536

    /// What stands in the columns behind the first four.
    private struct More {
        var band: Int32 = 0
        var freeSeconds = 0
        var minimum = Amount.zero
        var rounding = Rounding.exact
    }

    private mutating func readMore(_ fields: ArraySlice<Field>) -> More? {
        var more = More()
        var isGood = true
        for (name, field) in zip(moreColumns, fields) where !field.content.isEmpty {
            switch name {
            case "band":
                let text = String(decoding: field.content, as: UTF8.self)
                if let place = bands.firstIndex(where: { $0.name == text }) {
                    more.band = Int32(place) + 1
                } else {
                    let known = bands.map(\.name).joined(separator: ", ")
                    report(
                        at: field.offset,
                        "there is no band \"\(text.prefix(32))\""
                            + (known.isEmpty
                                ? ": write it before the header" : "; there are \(known)"))
                    isGood = false
                }
            case "free_seconds":
                let seconds = readSeconds(
                    field.content, at: field.offset, or: .freeSecondsOutOfRange)
                if let seconds { more.freeSeconds = seconds } else { isGood = false }
            case "minimum":
                let price = readPrice(field.content, at: field.offset, or: .minimumOutOfRange)
                if let price { more.minimum = price } else { isGood = false }
            default:
                let text = String(decoding: field.content, as: UTF8.self)
                if let rounding = Rounding(text) {
                    more.rounding = rounding
                } else {
                    report(
                        at: field.offset,
                        "\"\(text.prefix(32))\" is no rounding: up/0.01, down/0.01, "
                            + "half-up/0.01, half-even/0.01 or exact")
                    isGood = false
                }
            }
        }
        if more.band > 0,
            more.freeSeconds > 0 || more.minimum != .zero || more.rounding != .exact
        {
            report(
                at: fields[fields.startIndex].offset,
                "free seconds, minimum and rounding stand in the row without a band")
            isGood = false
        }
        return isGood ? more : nil
    }

    // MARK: Fields

    private mutating func readPrefix(_ field: Field) -> PackedPrefix? {
        guard let prefix = PackedPrefix(exactly: field.content) else {
            report(at: field.offset, TariffError.Reason.invalidPrefix.text)
            return nil
        }
        return prefix
    }

    private mutating func readName(_ field: Field) -> String? {
        guard let name = String(validating: field.content, as: UTF8.self) else {
            report(at: field.offset, "the name is not UTF-8; save the file as UTF-8")
            return nil
        }
        guard (1...TariffRow.longestName).contains(name.utf8.count) else {
            report(at: field.offset, TariffError.Reason.invalidName.text)
            return nil
        }
        guard name.utf8.allSatisfy({ $0 >= UInt8(ascii: " ") && $0 != 0x7f }) else {
            report(at: field.offset, "a name has no control characters")
            return nil
        }
        return name
    }

    private mutating func readPrice(
        _ text: ArraySlice<UInt8>, at offset: Int, or outOfRange: TariffError.Reason
    ) -> Amount? {
        do throws(Amount.ParseError) {
            let amount = try Amount(parsing: text)
            guard Amount.zero...TariffRow.largestPrice ~= amount else {
                report(at: offset, outOfRange.text)
                return nil
            }
            return amount
        } catch {
            let shown = String(decoding: text.prefix(32), as: UTF8.self)
            switch error {
            case .malformed: report(at: offset, "\"\(shown)\" is no price like 0.22")
            case .tooPrecise:
                report(at: offset, "\"\(shown)\" has more than \(Amount.decimals) decimals")
            case .tooLarge: report(at: offset, outOfRange.text)
            }
            return nil
        }
    }

    private mutating func readSteps(_ field: Field) -> [TariffRow.Step]? {
        var steps: [TariffRow.Step] = []
        var isGood = true
        for piece in field.content.split(separator: UInt8(ascii: " ")) {
            guard let slash = piece.firstIndex(of: UInt8(ascii: "/")) else {
                let shown = String(decoding: piece.prefix(32), as: UTF8.self)
                report(at: piece.startIndex, "\"\(shown)\" is no step like 0.22/180")
                isGood = false
                continue
            }
            let price = readPrice(piece[..<slash], at: piece.startIndex, or: .priceOutOfRange)
            let seconds = readSeconds(piece[(slash + 1)...], at: slash + 1)
            guard let price, let seconds else {
                isGood = false
                continue
            }
            steps.append(TariffRow.Step(seconds: seconds, price: price))
        }
        guard steps.count <= TariffRow.mostSteps else {
            report(at: field.offset, TariffError.Reason.tooManySteps.text)
            return nil
        }
        return isGood ? steps : nil
    }

    private mutating func readSeconds(
        _ text: ArraySlice<UInt8>, at offset: Int,
        or outOfRange: TariffError.Reason = .stepOutOfRange
    ) -> Int? {
        var seconds = 0
        for byte in text {
            // Left at once when it grows past the limit, so that it cannot overflow.
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte),
                seconds <= TariffRow.longestStepSeconds
            else {
                seconds = 0
                break
            }
            seconds = seconds * 10 + Int(byte - UInt8(ascii: "0"))
        }
        guard (1...TariffRow.longestStepSeconds).contains(seconds) else {
            report(at: offset, outOfRange.text)
            return nil
        }
        return seconds
    }

    // MARK: CSV

    /// The fields of a line, or nil when its quotes make no sense, which is reported.
    private mutating func split(_ line: ArraySlice<UInt8>) -> [Field]? {
        var fields: [Field] = []
        var rest = line
        while true {
            guard let first = rest.first(where: { $0 != UInt8(ascii: " ") }),
                first == UInt8(ascii: "\"")
            else {
                let comma = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
                let content = trimmed(rest[..<comma])
                fields.append(Field(offset: content.startIndex, content: content))
                guard comma < rest.endIndex else { return fields }
                rest = rest[(comma + 1)...]
                continue
            }
            let opening = trimmed(rest).startIndex
            guard let (content, end) = quoted(rest[(opening + 1)...]) else {
                report(at: opening, "the quote is not closed on this line")
                return nil
            }
            fields.append(Field(offset: opening, content: content))
            let behind = trimmed(rest[end...])
            guard let separator = behind.first else { return fields }
            guard separator == UInt8(ascii: ",") else {
                report(at: behind.startIndex, "a comma has to follow the closing quote")
                return nil
            }
            rest = rest[(behind.startIndex + 1)...]
        }
    }

    /// What stands before the closing quote, and the index behind it; nil when there is none.
    private func quoted(_ text: ArraySlice<UInt8>) -> (content: ArraySlice<UInt8>, end: Int)? {
        let quote = UInt8(ascii: "\"")
        var pieces: [UInt8] = []
        var rest = text
        while let index = rest.firstIndex(of: quote) {
            guard index + 1 < rest.endIndex, rest[index + 1] == quote else {
                if pieces.isEmpty { return (rest[..<index], index + 1) }
                pieces += rest[..<index]
                return (pieces[...], index + 1)
            }
            pieces += rest[...index]
            rest = rest[(index + 2)...]
        }
        return nil
    }

    /// Without spaces at both ends; an empty text keeps its place.
    private func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var start = text.startIndex
        var end = text.endIndex
        while start < end, text[start] == UInt8(ascii: " ") { start += 1 }
        while end > start, text[end - 1] == UInt8(ascii: " ") { end -= 1 }
        return text[start..<end]
    }

    // MARK: Reporting

    private mutating func reportDuplicates() {
        for (first, second) in Tariff.duplicates(in: entries) {
            report(
                TariffDiagnostic(
                    file: file, line: Int(second.origin), column: 1,
                    message: "prefix \(second.prefix.text) has a row already"
                        + (second.band > 0 ? " in band \(bands[Int(second.band) - 1].name)" : "")
                        + ", at line \(first.origin)"))
        }
    }

    private mutating func report(at offset: Int, _ message: String) {
        // Characters, not bytes: continuation bytes of UTF-8 are no new column.
        let before = bytes[lineStart..<max(lineStart, min(offset, bytes.count))]
        let column = before.count { $0 & 0xc0 != 0x80 } + 1
        report(
            TariffDiagnostic(file: file, line: lineNumber, column: column, message: message))
    }

    private mutating func report(_ diagnostic: TariffDiagnostic) {
        guard diagnostics.count < Tariff.mostDiagnostics else {
            omitted += 1
            return
        }
        diagnostics.append(diagnostic)
    }
}
