import Charging
import GRDB

/// A row of the price list as columns, both ways.
enum TariffColumns {
    static let names = "prefix, name, connect_fee, steps"
    /// The deck that is in force.
    static let currentDeck = "(SELECT value FROM state WHERE name = 'tariff_deck')"

    static func add(_ row: TariffRow, to values: inout SQLValues) {
        values.add(row.prefix)
        values.add(row.name)
        values.add(row.connectFee)
        values.addJSON { write(row.steps, to: &$0) }
    }

    private static func write(_ steps: [TariffRow.Step], to json: inout CompactJSONWriter) {
        json.beginArray()
        for step in steps {
            json.beginArray()
            json.integer(Int64(step.seconds))
            json.integer(step.price.micros)
            json.endArray()
        }
        json.endArray()
    }

    static func row(in row: SQLRow) throws -> TariffRow {
        var steps: [TariffRow.Step] = []
        do throws(CompactJSONReader.Malformed) {
            var json = CompactJSONReader(row.text(3))
            try json.array { (json) throws(CompactJSONReader.Malformed) in
                try json.beginArray()
                let seconds = try json.integer()
                try json.comma()
                let price = try json.integer()
                try json.endArray()
                steps.append(TariffRow.Step(seconds: Int(seconds), price: Amount(micros: price)))
            }
            try json.end()
        } catch {
            throw Store.Failure(
                .damaged, "the steps of tariff row \(row.text(0)) end at \(error.offset)")
        }
        return TariffRow(
            prefix: row.text(0), name: row.text(1), connectFee: row.amount(2), steps: steps)
    }
}
