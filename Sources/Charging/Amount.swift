/// A sum of money: a whole number of millionths of the currency unit.
///
/// There is no other number for money in Tandem: nothing is rounded, because nothing is ever
/// divided. The sums that are possible are limited at every way in (`Ledger.largestBalance`,
/// `TariffRow.largestPrice`), so that an overflow inside is our bug, and traps.
public struct Amount: Hashable, Comparable, Sendable {
    /// Millionths of the currency unit.
    public var micros: Int64

    @inlinable public init(micros: Int64) { self.micros = micros }

    public static let zero = Amount(micros: 0)

    @inlinable public var isNegative: Bool { micros < 0 }
    @inlinable public var isPositive: Bool { micros > 0 }

    @inlinable public static func < (a: Amount, b: Amount) -> Bool { a.micros < b.micros }

    @inlinable public static func + (a: Amount, b: Amount) -> Amount {
        Amount(micros: a.micros + b.micros)
    }
    @inlinable public static func - (a: Amount, b: Amount) -> Amount {
        Amount(micros: a.micros - b.micros)
    }
    @inlinable public static prefix func - (a: Amount) -> Amount { Amount(micros: -a.micros) }
    @inlinable public static func * (a: Amount, count: Int) -> Amount {
        Amount(micros: a.micros * Int64(count))
    }
    @inlinable public static func += (a: inout Amount, b: Amount) { a.micros += b.micros }
    @inlinable public static func -= (a: inout Amount, b: Amount) { a.micros -= b.micros }
}

// MARK: - Text

extension Amount: LosslessStringConvertible {
    /// Why a text is no amount.
    public enum ParseError: Error, Hashable, Sendable {
        /// Not digits, or digits with one point and digits after it; a sign may stand before them.
        case malformed
        /// More than six decimals: what cannot be kept is refused, never rounded.
        case tooPrecise
        /// More than 64 bits of millionths.
        case tooLarge
    }

    /// How many decimals an amount has.
    public static let decimals = 6

    /// Reads `0.22`, `-3`, `1000.000001`. No spaces, no exponent, no separators of thousands.
    public init(parsing text: some Sequence<UInt8>) throws(ParseError) {
        var magnitude: UInt64 = 0
        var sign: UInt8?
        var wholeDigits = 0
        var decimals: Int?
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if let written = decimals {
                    guard written < Amount.decimals else { throw .tooPrecise }
                    decimals = written + 1
                } else {
                    wholeDigits += 1
                }
                magnitude = try Amount.append(UInt64(byte - UInt8(ascii: "0")), to: magnitude)
            case UInt8(ascii: "."):
                guard decimals == nil, wholeDigits > 0 else { throw .malformed }
                decimals = 0
            case UInt8(ascii: "-"), UInt8(ascii: "+"):
                guard sign == nil, wholeDigits == 0, decimals == nil else { throw .malformed }
                sign = byte
            default:
                throw .malformed
            }
        }
        guard wholeDigits > 0, decimals != 0 else { throw .malformed }
        for _ in (decimals ?? 0)..<Amount.decimals {
            magnitude = try Amount.append(0, to: magnitude)
        }
        // The most negative integer has no positive twin; it is no sum of money anyone owes.
        guard magnitude <= UInt64(Int64.max) else { throw .tooLarge }
        self.init(micros: sign == UInt8(ascii: "-") ? -Int64(magnitude) : Int64(magnitude))
    }

    private static func append(_ digit: UInt64, to magnitude: UInt64) throws(ParseError) -> UInt64 {
        let (shifted, overflow) = magnitude.multipliedReportingOverflow(by: 10)
        guard !overflow else { throw .tooLarge }
        let (sum, carry) = shifted.addingReportingOverflow(digit)
        guard !carry else { throw .tooLarge }
        return sum
    }

    /// As `init(parsing:)`, nil for what is no amount.
    public init?(_ text: String) {
        do throws(ParseError) {
            try self.init(parsing: text.utf8)
        } catch {
            return nil
        }
    }

    /// Always with six decimals: `0.220000`, `-3.000000`.
    public var description: String {
        let magnitude = micros.magnitude
        let whole = String(magnitude / 1_000_000)
        let fraction = String(magnitude % 1_000_000)
        let zeros = String(repeating: "0", count: Amount.decimals - fraction.utf8.count)
        return (micros < 0 ? "-" : "") + whole + "." + zeros + fraction
    }

    /// With no more decimals than it needs: `0.22`, `-3`. It is how tariffs write prices.
    public var shortDescription: String {
        let magnitude = micros.magnitude
        let sign = micros < 0 ? "-" : ""
        var fraction = magnitude % 1_000_000
        guard fraction != 0 else { return sign + String(magnitude / 1_000_000) }
        var width = Amount.decimals
        while fraction % 10 == 0 {
            fraction /= 10
            width -= 1
        }
        let digits = String(fraction)
        let zeros = String(repeating: "0", count: width - digits.utf8.count)
        return sign + String(magnitude / 1_000_000) + "." + zeros + digits
    }
}

/// Amounts are written as decimal strings: a JSON number would pass through binary fractions.
extension Amount: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do throws(ParseError) {
            try self.init(parsing: text.utf8)
        } catch {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\"\(text)\" is no amount: \(error)")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
