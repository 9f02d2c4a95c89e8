/// A stretch of bytes of one file of a plan.
struct SourceRange: Hashable {
    /// Which file, in the order they were read.
    var file: Int
    var start: Int
    var end: Int

    init(file: Int, start: Int, end: Int) {
        self.file = file
        self.start = start
        self.end = end
    }

    /// From the beginning of this one to the end of the other, which stands after it.
    func through(_ other: SourceRange) -> SourceRange {
        SourceRange(file: file, start: start, end: max(end, other.end))
    }

    /// A part of it, in bytes from its start.
    func part(_ offset: Int, _ length: Int) -> SourceRange {
        SourceRange(file: file, start: start + offset, end: min(end, start + offset + length))
    }
}

/// The bytes of one file with the places where its lines begin.
struct SourceText {
    let path: String
    let bytes: [UInt8]
    private let lineStarts: [Int]

    init(path: String, text: String) {
        self.path = path
        bytes = Array(text.utf8)
        var starts = [0]
        for index in bytes.indices where bytes[index] == 0x0a { starts.append(index + 1) }
        lineStarts = starts
    }

    /// Counted from one. Logarithmic in the number of lines.
    func line(at offset: Int) -> Int {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low + 1
    }

    /// Counted from one, in characters.
    func column(at offset: Int) -> Int {
        let start = lineStarts[line(at: offset) - 1]
        return text(start, max(start, offset)).count + 1
    }

    /// The text of a line without its end.
    func lineText(_ line: Int) -> String {
        let (start, end) = extent(ofLine: line)
        return text(start, end)
    }

    /// Where a line begins, and where it ends without its line end.
    func extent(ofLine line: Int) -> (start: Int, end: Int) {
        let start = lineStarts[line - 1]
        var end = line < lineStarts.count ? lineStarts[line] - 1 : bytes.count
        if end > start, bytes[end - 1] == 0x0d { end -= 1 }
        return (start, end)
    }

    func text(_ start: Int, _ end: Int) -> String {
        String(decoding: bytes[min(start, bytes.count)..<min(end, bytes.count)], as: UTF8.self)
    }

    func text(_ range: SourceRange) -> String { text(range.start, range.end) }

    /// For explanations, which name the file and leave out its folder.
    func place(_ range: SourceRange) -> Place { Place(file: name, line: line(at: range.start)) }

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
}
