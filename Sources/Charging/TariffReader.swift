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
    private var table = RateTable()
    /// What stood behind the prefix, as it was written, and the rate it is: most rows repeat one.
    private var knownRates: [ArraySlice<UInt8>: Int32] = [:]

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
            } else {
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
        diagnostics.sort { ($0.line, $0.column) < ($1.line, $1.column) }
        if omitted > 0 {
            diagnostics.append(
                TariffDiagnostic(
                    file: file, line: lineNumber, column: 1, message: "and \(omitted) more errors"))
        }
        guard diagnostics.isEmpty else { return (nil, diagnostics) }
        return (Tariff(sorted: entries, rates: table.rates), [])
    }

    // MARK: Lines

    private mutating func readHeader(_ line: ArraySlice<UInt8>) -> Bool {
        guard let fields = split(line) else { return false }
        let names = fields.map { String(decoding: $0.content, as: UTF8.self) }
        guard names != Tariff.columns else { return true }
        report(at: line.startIndex, "the header has to be \(Tariff.columns.joined(separator: ","))")
        return false
    }

    private mutating func readRow(_ line: ArraySlice<UInt8>) {
        guard entries.count < Tariff.mostRows else {
            return report(at: line.startIndex, TariffError.Reason.tooManyRows.text)
        }
        if let comma = line.firstIndex(of: UInt8(ascii: ",")),
            let rate = knownRates[line[(comma + 1)...]],
            let prefix = PackedPrefix(exactly: line[..<comma])
        {
            entries.append(Tariff.Entry(prefix: prefix, rate: rate, origin: Int32(lineNumber)))
            return
        }
        guard let fields = split(line) else { return }
        guard fields.count == Tariff.columns.count else {
            let last = fields[min(fields.count, Tariff.columns.count + 1) - 1]
            return report(
                at: last.offset,
                "a row has \(Tariff.columns.count) fields, and this one \(fields.count)")
        }
        // All four are looked at before any of them ends the row: each may have its own error.
        let prefix = readPrefix(fields[0])
        let name = readName(fields[1])
        let fee = readPrice(fields[2].content, at: fields[2].offset, or: .connectFeeOutOfRange)
        let steps = readSteps(fields[3])
        guard let prefix, let name, let fee, let steps else { return }
        let rate = table.index(of: Tariff.Rate(name: name, connectFee: fee, steps: steps))
        entries.append(Tariff.Entry(prefix: prefix, rate: rate, origin: Int32(lineNumber)))
        if let comma = line.firstIndex(of: UInt8(ascii: ",")), knownRates.count < Self.mostKnown {
            knownRates[line[(comma + 1)...]] = rate
        }
    }

    private static let mostKnown = 65_536

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

    private mutating func readSeconds(_ text: ArraySlice<UInt8>, at offset: Int) -> Int? {
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
            report(at: offset, TariffError.Reason.stepOutOfRange.text)
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
                    message: "prefix \(second.prefix.text) has a row already, at line "
                        + "\(first.origin)"))
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
