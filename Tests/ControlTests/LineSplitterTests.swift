import Control
import Testing

@Suite struct LineSplitterTests {
    private func lines(_ text: String, pieces: Int, limit: Int = 100) throws -> [String] {
        var splitter = LineSplitter(limit: limit)
        var lines: [String] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            splitter.append(bytes[start..<min(start + pieces, bytes.count)])
            while let line = try splitter.next() {
                lines.append(String(decoding: line, as: UTF8.self))
            }
        }
        return lines
    }

    @Test(arguments: 1...12)
    func linesAreTheSameWhateverThePieces(size: Int) throws {
        #expect(try lines("ab\n\ncdef\ng\n", pieces: size) == ["ab", "", "cdef", "g"])
    }

    @Test func anUnfinishedLineIsHeldBack() throws {
        var splitter = LineSplitter(limit: 10)
        splitter.append(Array("abc".utf8))
        #expect(try splitter.next() == nil)
        #expect(splitter.isInsideLine)
        splitter.append(Array("\n".utf8))
        #expect(try splitter.next().map(Array.init) == Array("abc".utf8))
        #expect(!splitter.isInsideLine)
    }

    @Test(arguments: [1, 3, 100])
    func aLineAtTheLimitPassesAndOneByteMoreDoesNot(size: Int) throws {
        #expect(try lines("12345\n", pieces: size, limit: 5) == ["12345"])
        #expect(throws: WireError.lineTooLong(limit: 5)) {
            try lines("123456\n", pieces: size, limit: 5)
        }
    }

    @Test func aLineThatNeverEndsIsRefusedWhenItPassesTheLimit() throws {
        var splitter = LineSplitter(limit: 5)
        splitter.append(Array("123456".utf8))
        #expect(throws: WireError.lineTooLong(limit: 5)) { try splitter.next() }
    }
}
