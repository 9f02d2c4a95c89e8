import Charging
import Foundation
import GRDB

/// Values that are read by their place: a row of a table, or an entry of the journal.
///
/// What is not optional is there: STRICT tables hold what their columns say, and an entry of the
/// journal was compared with its shape when it was read.
protocol Columns {
    func optionalInteger(_ column: Int) -> Int64?
    func optionalText(_ column: Int) -> String?
    func bytes(_ column: Int) -> [UInt8]
    /// What an error calls it.
    func name(_ column: Int) -> String
}

extension Columns {
    func integer(_ column: Int) -> Int64 { there(optionalInteger(column), column) }
    func text(_ column: Int) -> String { there(optionalText(column), column) }
    func amount(_ column: Int) -> Amount { Amount(micros: integer(column)) }
    func optionalAmount(_ column: Int) -> Amount? {
        optionalInteger(column).map { Amount(micros: $0) }
    }
    func bits(_ column: Int) -> UInt64 { UInt64(bitPattern: integer(column)) }

    private func there<Value>(_ value: Value?, _ column: Int) -> Value {
        guard let value else { preconditionFailure("column \(name(column)) is NULL") }
        return value
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
        Store.Failure(.damaged, "column \(name(column)) holds \(value), which it cannot")
    }
}

/// One row of a result.
struct SQLRow: Columns {
    let row: Row

    func optionalInteger(_ column: Int) -> Int64? { row[column] }
    func optionalText(_ column: Int) -> String? { row[column] }
    func bytes(_ column: Int) -> [UInt8] {
        let data: Data = row[column]
        return Array(data)
    }
    func name(_ column: Int) -> String { Array(row.columnNames)[column] }
}

/// Values that `SQLValues.append(to:)` has packed.
struct PackedValues: Columns {
    private enum Value {
        case null
        case integer(Int64)
        case text(ArraySlice<UInt8>)
        case blob(ArraySlice<UInt8>)
    }

    private var values: [Value] = []

    /// - Parameter shape: a letter for each column: `I` an integer, `T` a text, `B` bytes, small where
    ///   it may be NULL. Columns that were added since the values were packed stand at the end, are
    ///   small, and read as NULL.
    /// - Throws: `Store.Failure` where the bytes are not of this shape.
    init(_ bytes: ArraySlice<UInt8>, shape: String) throws {
        var rest = bytes
        for letter in shape.utf8 {
            let isOptional = letter >= UInt8(ascii: "a")
            let value = try rest.isEmpty ? .null : Self.next(&rest)
            switch (value, letter & ~0x20) {
            case (.null, _) where isOptional: break
            case (.integer, UInt8(ascii: "I")), (.text, UInt8(ascii: "T")),
                (.blob, UInt8(ascii: "B")):
                break
            default:
                throw Store.Failure(.damaged, "value \(values.count + 1) is of another kind")
            }
            values.append(value)
        }
        guard rest.isEmpty else {
            throw Store.Failure(.damaged, "\(rest.count) bytes are left behind the last value")
        }
    }

    /// Takes the first value; there is at least one byte.
    private static func next(_ rest: inout ArraySlice<UInt8>) throws -> Value {
        guard let kind = SQLValues.Packed(rawValue: rest.removeFirst()) else {
            throw Store.Failure(.damaged, "a value is of no kind")
        }
        switch kind {
        case .null: return .null
        case .integer:
            let bits = try number(&rest)
            return .integer(Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1))
        case .text: return .text(try take(number(&rest), of: &rest))
        case .blob: return .blob(try take(number(&rest), of: &rest))
        }
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) throws -> UInt64 {
        var number: UInt64 = 0
        for shift: UInt64 in stride(from: 0, to: 64, by: 7) {
            guard let byte = rest.popFirst() else { break }
            number |= UInt64(byte & 127) << shift
            if byte < 128 { return number }
        }
        throw Store.Failure(.damaged, "a number does not end")
    }

    private static func take(
        _ count: UInt64, of rest: inout ArraySlice<UInt8>
    ) throws -> ArraySlice<UInt8> {
        guard count <= UInt64(rest.count) else {
            throw Store.Failure(.damaged, "a value ends \(count - UInt64(rest.count)) bytes early")
        }
        let taken = rest.prefix(Int(count))
        rest = rest.dropFirst(Int(count))
        return taken
    }

    func optionalInteger(_ column: Int) -> Int64? {
        if case .integer(let value) = values[column] { value } else { nil }
    }

    func optionalText(_ column: Int) -> String? {
        if case .text(let text) = values[column] {
            String(decoding: text, as: UTF8.self)
        } else {
            nil
        }
    }

    func bytes(_ column: Int) -> [UInt8] {
        if case .blob(let bytes) = values[column] { Array(bytes) } else { [] }
    }

    func name(_ column: Int) -> String { "\(column + 1) of a journal entry" }
}
