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

    /// The tariff as a file that `parse` reads as the same tariff.
    public var csv: String {
        var text = Tariff.columns.joined(separator: ",") + "\n"
        for row in rows {
            let name =
                row.name.utf8.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") }
                ? "\""
                    + row.name.split(separator: "\"", omittingEmptySubsequences: false)
                    .joined(separator: "\"\"") + "\""
                : row.name
            text +=
                "\(row.prefix),\(name),\(row.connectFee.shortDescription),\(row.stepsText)\n"
        }
        return text
    }
}
