/// Rows of equal shape: a table for people, an object a line or CSV for programs.
public struct Listing: Sendable {
    public struct Column: Sendable {
        /// What programs call it.
        public var key: String
        /// What people call it; nil leaves it out of tables.
        public var title: String?
        /// Too nested for CSV.
        public var isDetail: Bool
        /// Shown of one row on its own, and in no table, which would be too wide.
        public var isCardOnly: Bool

        public init(
            _ key: String, _ title: String?, isDetail: Bool = false, isCardOnly: Bool = false
        ) {
            self.key = key
            self.title = title
            self.isDetail = isDetail
            self.isCardOnly = isCardOnly
        }
    }

    public var columns: [Column]
    public var rows: [[Cell]] = []
    /// What to say instead of an empty table: `no calls`.
    public var nothing: String

    public init(_ columns: [Column], nothing: String) {
        self.columns = columns
        self.nothing = nothing
    }

    /// - Parameter row: a cell for each column.
    public mutating func append(_ row: [Cell]) {
        precondition(row.count == columns.count, "a row has a cell for each column")
        rows.append(row)
    }

    /// Aligned columns with titles, lines without spaces at their ends, a line break after each.
    public func table(_ clock: SiteClock) -> String {
        guard !rows.isEmpty else { return nothing + "\n" }
        let shown = columns.indices.filter {
            columns[$0].title != nil && !columns[$0].isCardOnly
        }
        var lines = [shown.map { columns[$0].title ?? "" }]
        for row in rows { lines.append(shown.map { row[$0].shown(clock, isBrief: true) }) }
        let widths = shown.indices.map { place in
            lines.reduce(0) { max($0, $1[place].terminalCells) }
        }
        let isRight = shown.map { column in
            rows.contains { $0[column].isRightAligned }
        }
        return lines.reduce(into: "") { text, line in
            text += Self.line(line, widths: widths, isRight: isRight) + "\n"
        }
    }

    private static func line(_ fields: [String], widths: [Int], isRight: [Bool]) -> String {
        var line = ""
        for (place, field) in fields.enumerated() {
            if place > 0 { line += "  " }
            let blanks = String(repeating: " ", count: widths[place] - field.terminalCells)
            line += isRight[place] ? blanks + field : field + blanks
        }
        while line.last == " " { line.removeLast() }
        return line
    }

    /// One object a line, keys in the order of the columns.
    public var jsonLines: String {
        rows.reduce(into: "") { text, row in
            text += Self.object(columns, row).json + "\n"
        }
    }

    private static func object(_ columns: [Column], _ row: [Cell]) -> Cell {
        .object(zip(columns, row).map { Cell.Field($0.key, $1) })
    }

    /// RFC 4180 with a header line, but for the line break, which is a bare LF.
    ///
    /// - Parameter hasHeader: false for the pages after the first.
    public func csv(hasHeader: Bool = true) -> String {
        let shown = columns.indices.filter { !columns[$0].isDetail }
        var text = hasHeader ? shown.map { columns[$0].key }.joined(separator: ",") + "\n" : ""
        for row in rows {
            text += shown.map { Self.quoted(row[$0].csv) }.joined(separator: ",") + "\n"
        }
        return text
    }

    /// A field that a spreadsheet would take for a formula gets an apostrophe: a caller chooses his
    /// own name, and it must not run in the operator's office.
    private static func quoted(_ field: String) -> String {
        // By bytes: with a mark that combines with it, or CR with LF, it is another `Character`.
        var bytes = Array(field.utf8)
        if let first = bytes.first, "=@+-\t\r".utf8.contains(first), !isNumber(field) {
            bytes.insert(UInt8(ascii: "'"), at: 0)
        }
        let quote = UInt8(ascii: "\"")
        if bytes.contains(where: { ",\"\n\r".utf8.contains($0) }) {
            bytes = [quote] + bytes.flatMap { $0 == quote ? [quote, quote] : [$0] } + [quote]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A sum or a phone number, which may begin with a sign and is no formula.
    private static func isNumber(_ field: String) -> Bool {
        "+-".utf8.contains(field.utf8.first ?? 0)
            && field.utf8.dropFirst().allSatisfy { 46...57 ~= $0 }
    }

    /// One row on its own: a title and a value a line, what is absent or empty left out. A value whose
    /// title is empty, such as a currency, stands behind the one before it.
    public func card(_ clock: SiteClock) -> String {
        guard let row = rows.first else { return nothing + "\n" }
        var lines: [(title: String, value: String)] = []
        for (column, cell) in zip(columns, row) where cell != .absent && cell != .text("") {
            guard let title = column.title else { continue }
            if title.isEmpty, let last = lines.indices.last {
                lines[last].value += " " + cell.shown(clock)
            } else {
                lines.append((title, cell.shown(clock)))
            }
        }
        let width = lines.reduce(0) { max($0, $1.title.terminalCells) }
        return lines.reduce(into: "") { text, line in
            let blanks = String(repeating: " ", count: width - line.title.terminalCells)
            text += "\(line.title)\(blanks)  \(line.value)\n"
        }
    }
}

extension String {
    /// Cells of a terminal it takes: two for each character of the scripts of East Asia.
    var terminalCells: Int {
        unicodeScalars.reduce(0) { cells, scalar in
            switch scalar.value {
            case 0x0300...0x036f, 0x200b...0x200f, 0xfe00...0xfe0f: cells
            case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0xa4cf, 0xac00...0xd7a3,
                0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6,
                0x1f300...0x1faff, 0x20000...0x3fffd:
                cells + 2
            default: cells + 1
            }
        }
    }
}
