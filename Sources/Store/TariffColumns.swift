import Charging
import GRDB

/// A row of a price list as columns, both ways.
enum TariffColumns {
    static let names = "prefix, name, connect_fee, steps, terms"
    /// The decks that are whole.
    static let wholeDecks = "(SELECT deck FROM tariff_deck)"

    static func add(_ row: TariffRow, to values: inout SQLValues) {
        values.add(row.prefix)
        values.add(row.name)
        values.add(row.connectFee)
        values.addJSON { write(row.steps, to: &$0) }
        guard
            row.freeSeconds > 0 || row.minimum.isPositive || row.rounding != .exact
                || !row.inBands.isEmpty
        else { return values.add("") }
        values.addJSON { write(termsOf: row, to: &$0) }
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

    /// Free seconds, minimum, rounding, and for each band its name, fee and steps.
    private static func write(termsOf row: TariffRow, to json: inout CompactJSONWriter) {
        json.beginArray()
        json.integer(Int64(row.freeSeconds))
        json.integer(row.minimum.micros)
        json.string(row.rounding.text)
        json.beginArray()
        for band in row.inBands {
            json.beginArray()
            json.string(band.band)
            json.integer(band.connectFee.micros)
            write(band.steps, to: &json)
            json.endArray()
        }
        json.endArray()
        json.endArray()
    }

    static func row(in row: SQLRow) throws -> TariffRow {
        var read = TariffRow(
            prefix: row.text(0), name: row.text(1), connectFee: row.amount(2), steps: [])
        do throws(CompactJSONReader.Malformed) {
            var json = CompactJSONReader(row.text(3))
            read.steps = try steps(&json)
            try json.end()
            let terms = row.text(4)
            if !terms.isEmpty { try readTerms(terms, into: &read) }
        } catch {
            throw Store.Failure(
                .damaged, "the prices of tariff row \(row.text(0)) end at \(error.offset)")
        }
        return read
    }

    private static func steps(
        _ json: inout CompactJSONReader
    ) throws(CompactJSONReader.Malformed) -> [TariffRow.Step] {
        var steps: [TariffRow.Step] = []
        try json.array { (json) throws(CompactJSONReader.Malformed) in
            try json.beginArray()
            let seconds = try json.integer()
            try json.comma()
            let price = try json.integer()
            try json.endArray()
            steps.append(TariffRow.Step(seconds: Int(seconds), price: Amount(micros: price)))
        }
        return steps
    }

    private static func readTerms(
        _ text: String, into row: inout TariffRow
    ) throws(CompactJSONReader.Malformed) {
        var json = CompactJSONReader(text)
        try json.beginArray()
        row.freeSeconds = Int(try json.integer())
        try json.comma()
        row.minimum = Amount(micros: try json.integer())
        try json.comma()
        guard let rounding = Rounding(try json.string()) else {
            throw CompactJSONReader.Malformed(offset: 0)
        }
        row.rounding = rounding
        try json.comma()
        var bands: [TariffRow.BandPrice] = []
        try json.array { (json) throws(CompactJSONReader.Malformed) in
            try json.beginArray()
            let band = try json.string()
            try json.comma()
            let fee = try json.integer()
            try json.comma()
            let steps = try steps(&json)
            try json.endArray()
            bands.append(
                TariffRow.BandPrice(band: band, connectFee: Amount(micros: fee), steps: steps))
        }
        row.inBands = bands
        try json.endArray()
        try json.end()
    }
}
