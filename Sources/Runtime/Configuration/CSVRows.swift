/// The rows of a CSV text (RFC 4180): fields between commas, quotes around a field that holds a
/// comma, a quote (doubled) or a line break.
///
/// Reads forgivingly, since lists come from spreadsheets: spaces around a bare field do not count,
/// lines end with LF or CRLF, empty lines and lines that begin with `#` are skipped.
struct CSVRows: Sequence, IteratorProtocol {
    /// One row, with where it begins, for diagnostics.
    struct Row {
        /// Counted from one.
        var line: Int
        var fields: [Field]
        /// A quote was opened and never closed.
        var isUnfinished = false
    }

    struct Field {
        var text: String
        /// Counted from one, in bytes.
        var column: Int
    }

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var lineStart = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func next() -> Row? {
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "#") {
                while position < bytes.count, bytes[position] != UInt8(ascii: "\n") {
                    position += 1
                }
            } else if !isLineBreak(bytes[position]) {
                return row()
            }
            step()
        }
        return nil
    }

    private mutating func row() -> Row {
        var row = Row(line: line, fields: [])
        while true {
            row.fields.append(field(&row.isUnfinished))
            guard position < bytes.count, bytes[position] == UInt8(ascii: ",") else { break }
            position += 1
        }
        return row
    }

    private mutating func field(_ isUnfinished: inout Bool) -> Field {
        while position < bytes.count, bytes[position] == UInt8(ascii: " ") { position += 1 }
        let column = position - lineStart + 1
        var text: [UInt8] = []
        if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
            position += 1
            isUnfinished = !quoted(into: &text)
        }
        while position < bytes.count, bytes[position] != UInt8(ascii: ","),
            !isLineBreak(bytes[position])
        {
            text.append(bytes[position])
            position += 1
        }
        while text.last == UInt8(ascii: " ") || text.last == UInt8(ascii: "\t") {
            text.removeLast()
        }
        return Field(text: String(decoding: text, as: UTF8.self), column: column)
    }

    /// Reads up to the closing quote; false when there is none.
    private mutating func quoted(into text: inout [UInt8]) -> Bool {
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                position += 1
                guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                    return true
                }
            }
            text.append(byte)
            step()
        }
        return false
    }

    private mutating func step() {
        guard position < bytes.count else { return }
        if bytes[position] == UInt8(ascii: "\n") {
            line += 1
            lineStart = position + 1
        }
        position += 1
    }

    private func isLineBreak(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }
}
