import Charging

/// One value of a listing, before it is written for people or for programs.
public indirect enum Cell: Sendable, Hashable {
    /// Not known, or none: an empty field, `-` in a table, `null` in JSON.
    case absent
    case text(String)
    case number(Int64)
    case flag(Bool)
    case amount(Amount)
    /// Wall time, microseconds since 1970 UTC.
    case time(Int64)
    case list([Cell])
    /// Names and values in order.
    case object([Field])

    public struct Field: Sendable, Hashable {
        public var name: String
        public var value: Cell

        public init(_ name: String, _ value: Cell) {
            self.name = name
            self.value = value
        }
    }

    public static func text(_ text: String?) -> Cell { text.map { .text($0) } ?? .absent }
    public static func time(_ time: Int64?) -> Cell { time.map { .time($0) } ?? .absent }
    public static func amount(_ amount: Amount?) -> Cell { amount.map { .amount($0) } ?? .absent }
    public static func number(_ number: Int) -> Cell { .number(Int64(number)) }
    public static func number(_ number: Int?) -> Cell {
        number.map { .number(Int64($0)) } ?? .absent
    }
    /// Counters beyond 63 bits do not happen; one would show as the largest number.
    public static func number(_ number: UInt64) -> Cell { .number(Int64(clamping: number)) }
    public static func texts(_ texts: [String]) -> Cell { .list(texts.map { .text($0) }) }
}

extension Cell {
    /// As JSON: amounts as decimal strings, times as RFC 3339 in UTC, no line break anywhere.
    public var json: String {
        var text = ""
        appendJSON(to: &text)
        return text
    }

    private func appendJSON(to text: inout String) {
        switch self {
        case .absent: text += "null"
        case .text(let value): Cell.appendString(value, to: &text)
        case .number(let value): text += String(value)
        case .flag(let value): text += value ? "true" : "false"
        case .amount(let value): text += "\"\(value)\""
        case .time(let value): text += "\"\(SiteClock.rfc3339(value))\""
        case .list(let cells):
            text += "["
            for (index, cell) in cells.enumerated() {
                if index > 0 { text += "," }
                cell.appendJSON(to: &text)
            }
            text += "]"
        case .object(let fields):
            text += "{"
            for (index, field) in fields.enumerated() {
                if index > 0 { text += "," }
                Cell.appendString(field.name, to: &text)
                text += ":"
                field.value.appendJSON(to: &text)
            }
            text += "}"
        }
    }

    /// RFC 8259 §7; what steers a terminal by its number, so that none of it is lost, all else as it is.
    private static func appendString(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where TerminalText.steers(scalar) || isLineEnd(scalar):
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    /// U+2028 and U+2029, which end a line in some readers of JSON.
    private static func isLineEnd(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\u{2028}" || scalar == "\u{2029}"
    }

    /// As one field of CSV, before quoting: lists with `; ` between their elements.
    var csv: String {
        switch self {
        case .absent: ""
        case .text(let value): value
        case .number(let value): String(value)
        case .flag(let value): value ? "true" : "false"
        case .amount(let value): value.description
        case .time(let value): SiteClock.rfc3339(value)
        case .list(let cells): cells.map(\.csv).joined(separator: "; ")
        case .object(let fields):
            fields.map(\.value.csv).filter { !$0.isEmpty }.joined(separator: " ")
        }
    }

    /// For people: times by the site's clock.
    ///
    /// - Parameter isBrief: of an object in an object only its first value, since tables are wide.
    func shown(_ clock: SiteClock, isBrief: Bool = false) -> String {
        switch self {
        case .absent: "-"
        case .text(let value): TerminalText.harmless(value)
        case .number(let value): String(value)
        case .flag(let value): value ? "yes" : "no"
        case .amount(let value): value.description
        case .time(let value): clock.shown(value)
        case .list(let cells): cells.map { $0.shown(clock) }.joined(separator: ", ")
        case .object(let fields):
            fields.filter { $0.value != .absent }
                .map { "\($0.name) \($0.value.inside(clock, isBrief: isBrief))" }
                .joined(separator: ", ")
        }
    }

    /// As a value of an object.
    private func inside(_ clock: SiteClock, isBrief: Bool) -> String {
        guard case .object(let fields) = self else { return shown(clock) }
        if isBrief { return fields.first?.value.shown(clock) ?? "-" }
        return fields.first.map { first in
            ([first.value.shown(clock)]
                + fields.dropFirst().filter { $0.value != .absent }
                .map { "\($0.name) \($0.value.shown(clock))" }).joined(separator: " ")
        } ?? "-"
    }

    var isRightAligned: Bool {
        switch self {
        case .number, .amount: true
        case .absent, .text, .flag, .time, .list, .object: false
        }
    }
}
