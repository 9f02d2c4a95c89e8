/// A range of bytes of a message or a header value: four bytes, where `Range<Int>` takes sixteen.
struct ByteRange: Hashable, Sendable {
    var start: UInt16
    var end: UInt16

    static let empty = ByteRange(0, 0)

    /// Both offsets lie within `MessageLimits.bytes`: every caller has checked its text's length.
    @inline(__always) init(_ start: Int, _ end: Int) {
        self.start = UInt16(truncatingIfNeeded: start)
        self.end = UInt16(truncatingIfNeeded: end)
    }

    @inline(__always) var lower: Int { Int(start) }
    @inline(__always) var upper: Int { Int(end) }
    @inline(__always) var count: Int { Int(end) - Int(start) }
    @inline(__always) var isEmpty: Bool { start >= end }

    /// The bytes of this range in a text whose first byte is offset zero.
    @inline(__always) func slice(of text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        text[(text.startIndex + lower)..<(text.startIndex + upper)]
    }
}
