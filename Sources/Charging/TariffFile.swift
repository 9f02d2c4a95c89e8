extension Tariff {
    /// Reads a tariff file: UTF-8, CSV as of RFC 4180, the header
    ///
    ///     prefix,name,connect_fee,steps
    ///     2,local,0,0.22/180 0.11/60
    ///     02,national,0,0.07/6
    ///
    /// and then one row a line. Steps are `price/seconds` with spaces between them and the last one
    /// repeats; none make the time free. Empty lines are skipped.
    ///
    /// Behind these four columns others may stand, in any order: `band`, `free_seconds`, `minimum`
    /// and `rounding` (`up/0.01`). A row with a band holds the fee and steps of the row of the same
    /// prefix while that band is in force. The lines before the header say what holds for the whole
    /// file:
    ///
    ///     currency,CNY
    ///     holiday,2026-10-01..2026-10-07
    ///     band,night,daily 21:00-07:00
    ///     band,weekend,sat sun holiday 00:00-24:00
    ///     prefix,name,connect_fee,steps,band
    ///     02,national,0,0.07/6,
    ///     02,national,0,0.04/6,night
    ///
    /// All that is wrong is reported at once, up to `mostDiagnostics`, in the order of the lines; a
    /// file with one error gives no tariff. A million rows take about a second.
    public static func parse(
        csv bytes: [UInt8], file: String
    ) -> (tariff: Tariff?, diagnostics: [TariffDiagnostic]) {
        var reader = TariffReader(bytes: bytes, file: file)
        return reader.read()
    }

    /// As `parse(csv:file:)` for bytes.
    public static func parse(
        csv text: String, file: String
    ) -> (tariff: Tariff?, diagnostics: [TariffDiagnostic]) {
        parse(csv: Array(text.utf8), file: file)
    }

    /// More than that are counted only: a wrong file has an error on every line.
    public static let mostDiagnostics = 100

    static let columns = ["prefix", "name", "connect_fee", "steps"]
    static let moreColumns = ["band", "free_seconds", "minimum", "rounding"]

    /// The tariff as a file that `parse` reads as the same tariff.
    public var csv: String {
        Tariff.csv(rows: rows, calendar: calendar, currency: currency)
    }

    /// A file of some rows, which `parse` reads as the same rows; columns that no row needs are left
    /// out.
    public static func csv(
        rows: [TariffRow], calendar: TariffCalendar, currency: String? = nil
    ) -> String {
        var text = currency.map { "currency,\($0)\n" } ?? ""
        text += holidayLines(calendar.holidays)
        for band in calendar.bands { text += "band,\(band.name),\(band.hoursText)\n" }
        let isUsed = [
            rows.contains { !$0.inBands.isEmpty }, rows.contains { $0.freeSeconds > 0 },
            rows.contains { $0.minimum.isPositive }, rows.contains { $0.rounding != .exact },
        ]
        let used = moreColumns.indices.filter { isUsed[$0] }
        text += (columns + used.map { moreColumns[$0] }).joined(separator: ",") + "\n"
        for row in rows {
            let more = [
                "", row.freeSeconds > 0 ? String(row.freeSeconds) : "",
                row.minimum.isPositive ? row.minimum.shortDescription : "",
                row.rounding == .exact ? "" : row.rounding.text,
            ]
            let name = quoted(row.name)
            text += "\(row.prefix),\(name),\(row.connectFee.shortDescription),\(row.stepsText)"
            for index in used { text += "," + more[index] }
            text += "\n"
            for band in row.inBands {
                let fee = band.connectFee.shortDescription
                text += "\(row.prefix),\(name),\(fee),\(band.stepsText)"
                for index in used { text += index == 0 ? ",\(band.band)" : "," }
                text += "\n"
            }
        }
        return text
    }

    /// A file of one row without bands, as every call has one: without what a longer file needs.
    static func csv(plain row: TariffRow) -> String? {
        guard row.inBands.isEmpty, row.freeSeconds == 0, row.minimum == .zero,
            row.rounding == .exact
        else { return nil }
        var text = "prefix,name,connect_fee,steps\n"
        text.reserveCapacity(96)
        text += row.prefix
        text += ","
        text += quoted(row.name)
        text += ","
        text += row.connectFee.shortDescription
        text += ","
        for (place, step) in row.steps.enumerated() {
            if place > 0 { text += " " }
            text += step.price.shortDescription
            text += "/"
            text += String(step.seconds)
        }
        text += "\n"
        return text
    }

    private static func holidayLines(_ holidays: [CivilDay]) -> String {
        var text = ""
        var index = 0
        while index < holidays.count {
            let first = holidays[index]
            var last = first
            while index + 1 < holidays.count, holidays[index + 1] == last.next {
                last = last.next
                index += 1
            }
            text += first == last ? "holiday,\(first)\n" : "holiday,\(first)..\(last)\n"
            index += 1
        }
        return text
    }

    private static func quoted(_ name: String) -> String {
        guard name.utf8.contains(where: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") })
        else { return name }
        let doubled = name.split(separator: "\"", omittingEmptySubsequences: false)
            .joined(separator: "\"\"")
        return "\"" + doubled + "\""
    }
}
