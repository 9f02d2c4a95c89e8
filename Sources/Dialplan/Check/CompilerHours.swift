// Hours: times of the week, and the dates that are different.

extension Compiler {
    mutating func checkHours(_ tree: SyntaxTree) {
        for statement in tree.statements {
            guard case .hours(let syntax) = statement.kind, isName(syntax.name, "time") else {
                continue
            }
            if hoursNumbers[syntax.name.text] != nil {
                remarks.error(
                    "the hours \"\(syntax.name.text)\" are already defined", at: syntax.name.range)
                continue
            }
            var table = HoursTable(name: syntax.name.text)
            for case .week(let words, let times) in syntax.items {
                let openings = times.compactMap { opening($0) }
                for day in days(words) { table.week[day.rawValue - 1] += openings }
            }
            // A date may stand for a weekday, so the week is complete first.
            for item in syntax.items {
                switch item {
                case .week: break
                case .exceptDates(let words):
                    for word in words { addDates(word, openings: [], to: &table) }
                case .exceptFile(let word): addDates(file: word, to: &table)
                }
            }
            hoursNumbers[syntax.name.text] = hours.count
            hours.append(table)
            hoursWords.append(syntax.name)
        }
    }

    /// Reads `mon`, `mon-fri` and `sat-mon`; every day where no word is given.
    private mutating func days(_ words: [Word]) -> [Weekday] {
        if words.isEmpty { return Weekday.allCases }
        var days: [Weekday] = []
        for word in words {
            let ends = word.text.split(separator: "-", omittingEmptySubsequences: false)
                .map { Weekday(String($0)) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1]
            else {
                remarks.error(
                    "\"\(word.text)\" is no weekday", at: word.range,
                    help: help(for: word.text, among: Weekday.allCases.map(\.abbreviation)))
                continue
            }
            var day = first.rawValue
            days.append(first)
            while day != last.rawValue {
                day = day % 7 + 1
                days.append(Weekday(rawValue: day) ?? last)
            }
        }
        return days
    }

    /// Reads `08:00-18:00`; one that ends before it begins goes on into the next day.
    private mutating func opening(_ word: Word) -> HoursTable.Opening? {
        let parts = word.text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = clockMinutes(parts[0]), start < 1440,
            let end = clockMinutes(parts[1]), start != end
        else {
            remarks.error(
                "\"\(word.text)\" is no time of the day", at: word.range,
                help: "write from and to, as in 08:00-18:00 or 22:00-06:00")
            return nil
        }
        return HoursTable.Opening(start: start, end: end > start ? end : end + 1440)
    }

    // MARK: Dates

    /// Reads `2026-10-01` or `2026-10-01..2026-10-07`.
    private mutating func addDates(
        _ word: Word, openings: [HoursTable.Opening], to table: inout HoursTable
    ) {
        let ends = word.text.split(separator: ".", omittingEmptySubsequences: true)
            .map { CivilTime(date: $0) }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1],
            first.dateNumber <= last.dateNumber
        else {
            remarks.error(
                "\"\(word.text)\" is no date", at: word.range,
                help: "write 2026-10-01, or 2026-10-01..2026-10-07")
            return
        }
        var date = first
        for _ in 0..<PlanLimits.datesInARow {
            table.exceptions[date.dateNumber] = openings
            if date.dateNumber == last.dateNumber { return }
            date = date.dayAfter
        }
        remarks.error(
            "more than \(PlanLimits.datesInARow) dates in a row", at: word.range)
    }

    /// A line of the file is a date or a range of dates, then perhaps times, or `as` and a weekday;
    /// a date alone is closed.
    private mutating func addDates(file word: Word, to table: inout HoursTable) {
        guard let text = sources.included(word.text) else {
            reportMissing(word)
            return
        }
        let index = texts.count
        guard add(SourceFile(path: pathBesideMain(word.text), text: text)) else { return }
        let lexer = Lexer(texts[index], file: index, remarks: remarks)
        remarks = lexer.remarks
        let week = table.week
        for line in lexer.tokens.split(whereSeparator: { $0.kind == .newline || $0.kind == .end }) {
            let words = line.filter { $0.kind == .word }.map {
                Word(text: $0.text, range: $0.range)
            }
            if words.count != line.count {
                remarks.error(
                    "a file of dates holds dates, times and // comments only",
                    at: line[line.startIndex].range)
                continue
            }
            var openings: [HoursTable.Opening] = []
            if words.count == 3, words[1].text == "as" {
                guard let day = Weekday(words[2].text) else {
                    remarks.error("\"\(words[2].text)\" is no weekday", at: words[2].range)
                    continue
                }
                openings = week[day.rawValue - 1]
            } else {
                openings = words.dropFirst().compactMap { opening($0) }
            }
            addDates(words[0], openings: openings, to: &table)
        }
    }
}

extension CivilTime {
    /// Reads `2026-10-01`; midnight of that day.
    init?(date text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 4, let year = Int(parts[0]), year > 0,
            let month = Int(parts[1]), (1...12).contains(month), let day = Int(parts[2]),
            (1...daysOfMonth(month, year)).contains(day)
        else { return nil }
        self.init(year: year, month: month, day: day, minuteOfDay: 0)
    }
}

/// Reads `08:00`; `24:00` is the end of the day.
func clockMinutes(_ text: some StringProtocol) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, (1...2).contains(parts[0].utf8.count), parts[1].utf8.count == 2,
        let hour = Int(parts[0]), let minute = Int(parts[1]), (0...59).contains(minute),
        (0...23).contains(hour) || hour == 24 && minute == 0
    else { return nil }
    return hour * 60 + minute
}
