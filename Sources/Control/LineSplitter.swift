/// Cuts a stream of bytes into lines, whatever the pieces it arrives in.
///
/// Each byte is looked at once and copied once; what is held never exceeds one line and one piece.
public struct LineSplitter: Sendable {
    /// The longest line in bytes, its line break not counted.
    public let limit: Int
    private var held: [UInt8] = []
    /// Where the next line begins.
    private var start = 0
    /// Up to where no line break was found.
    private var scanned = 0

    public init(limit: Int) { self.limit = limit }

    public mutating func append(_ piece: some Collection<UInt8>) {
        if start > 0 {
            held.removeSubrange(..<start)
            scanned -= start
            start = 0
        }
        held.append(contentsOf: piece)
    }

    /// The next whole line without its line break, or nil when more bytes are needed.
    ///
    /// - Throws: `WireError.lineTooLong`, after which the stream is of no more use.
    public mutating func next() throws(WireError) -> ArraySlice<UInt8>? {
        while scanned < held.count && held[scanned] != UInt8(ascii: "\n") {
            scanned += 1
        }
        guard scanned - start <= limit else { throw .lineTooLong(limit: limit) }
        guard scanned < held.count else { return nil }
        let line = held[start..<scanned]
        scanned += 1
        start = scanned
        return line
    }

    /// Whether bytes of an unfinished line are held.
    public var isInsideLine: Bool { start < held.count }
}
