import Charging
import Foundation
import GRDB

/// One row of a result, read by position: STRICT tables hold what their columns say.
struct SQLRow {
    let row: Row

    func integer(_ column: Int) -> Int64 { row[column] }
    func optionalInteger(_ column: Int) -> Int64? { row[column] }
    func text(_ column: Int) -> String { row[column] }
    func optionalText(_ column: Int) -> String? { row[column] }
    func amount(_ column: Int) -> Amount { Amount(micros: row[column]) }
    func optionalAmount(_ column: Int) -> Amount? {
        optionalInteger(column).map { Amount(micros: $0) }
    }
    func bits(_ column: Int) -> UInt64 { UInt64(bitPattern: integer(column)) }
    func bytes(_ column: Int) -> [UInt8] {
        let data: Data = row[column]
        return Array(data)
    }

    /// A column that holds one of a known set of words or numbers.
    func choice<Choice: RawRepresentable>(
        _ column: Int, of type: Choice.Type = Choice.self
    ) throws -> Choice where Choice.RawValue == String {
        let text = text(column)
        guard let choice = Choice(rawValue: text) else { throw damage(column, text) }
        return choice
    }

    func optionalChoice<Choice: RawRepresentable>(
        _ column: Int, of type: Choice.Type = Choice.self
    ) throws -> Choice? where Choice.RawValue == String {
        guard optionalText(column) != nil else { return nil }
        return try choice(column, of: type)
    }

    func number<Number: FixedWidthInteger>(
        _ column: Int, as type: Number.Type = Number.self
    ) throws -> Number {
        let value = integer(column)
        guard let number = Number(exactly: value) else { throw damage(column, String(value)) }
        return number
    }

    func optionalNumber<Number: FixedWidthInteger>(
        _ column: Int, as type: Number.Type = Number.self
    ) throws -> Number? {
        guard optionalInteger(column) != nil else { return nil }
        return try number(column)
    }

    private func damage(_ column: Int, _ value: String) -> Store.Failure {
        Store.Failure(
            .damaged, "column \(Array(row.columnNames)[column]) holds \(value), which it cannot")
    }
}
