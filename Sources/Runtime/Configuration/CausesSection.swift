import Switching

/// `causes`: rows of the table of RFC 3398 that are to be different.
///
///     causes:
///       to-sip:  { 34: 503 }       # Q.850 cause to SIP status
///       to-q850: { 480: 20 }       # SIP status to Q.850 cause
///       next-route:  { 47: no }    # whether a cause sends a call to its next route
///       trunk-fault: { 34: no }    # whether it counts for the breaker of the trunk
enum CausesSection {
    static func read(
        _ top: ConfigurationReader.Section, _ reader: inout ConfigurationReader
    ) -> CauseTable {
        var table = CauseTable()
        let keys = ["to-sip", "to-q850", "next-route", "trunk-fault"]
        guard let section = reader.section("causes", in: top, keys: keys) else { return table }
        for (cause, row) in rows("to-sip", section, 1...127, &reader) {
            guard let status = number(row, 400...699, &reader) else { continue }
            table.statusOfCause[cause] = status
        }
        for (status, row) in rows("to-q850", section, 400...699, &reader) {
            guard let cause = number(row, 1...127, &reader) else { continue }
            table.causeOfStatus[status] = cause
        }
        for (cause, row) in rows("next-route", section, 1...127, &reader) {
            table.failover[cause] = flag(row, &reader)
        }
        for (cause, row) in rows("trunk-fault", section, 1...127, &reader) {
            table.fault[cause] = flag(row, &reader)
        }
        return table
    }

    private struct Row {
        var name: String
        var node: ConfigurationReader.Value
    }

    private static func rows(
        _ key: String, _ section: ConfigurationReader.Section, _ range: ClosedRange<Int>,
        _ reader: inout ConfigurationReader
    ) -> [(Int, Row)] {
        reader.pairs(key, in: section).compactMap { pair in
            guard let number = Int(pair.key), range.contains(number) else {
                reader.report(
                    "\(section.path(of: key)): \(pair.key) must be a whole number from"
                        + " \(range.lowerBound) to \(range.upperBound)",
                    at: pair.node)
                return nil
            }
            return (number, Row(name: "\(section.path(of: key)).\(pair.key)", node: pair.node))
        }
    }

    private static func number(
        _ row: Row, _ range: ClosedRange<Int>, _ reader: inout ConfigurationReader
    ) -> Int? {
        guard let text = reader.text(row.node, name: row.name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            reader.report(
                "\(row.name) must be a whole number from \(range.lowerBound) to"
                    + " \(range.upperBound), not \"\(text)\"",
                at: row.node, length: text.count)
            return nil
        }
        return number
    }

    private static func flag(_ row: Row, _ reader: inout ConfigurationReader) -> Bool? {
        guard let text = reader.text(row.node, name: row.name) else { return nil }
        switch text {
        case "yes", "true": return true
        case "no", "false": return false
        default:
            reader.report(
                "\(row.name) must be yes or no, not \"\(text)\"", at: row.node,
                length: text.count)
            return nil
        }
    }
}
