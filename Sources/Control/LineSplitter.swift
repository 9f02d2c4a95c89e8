/// Cuts a stream of bytes into lines, whatever the pieces it arrives in.
///
/// Each byte is looked at once and copied once; what is held never exceeds one line and one piece.
public struct LineSplitter: Sendable {
    /// The longest line in bytes, its line break not counted.
    public let limit: Int
    private var bytes: [UInt8] = []
    private static let keptCapacity = 1 << 16
    /// Where the next line begins.
    private var start = 0
    /// Up to where no line break was found.
    private var scanned = 0

    public init(limit: Int) { self.limit = limit }

    public mutating func append(_ piece: some Collection<UInt8>) {
        if start > 0 {
            if start == bytes.count {
                // Room that a file has taken is not kept for ever.
                bytes.removeAll(keepingCapacity: start <= Self.keptCapacity)
            } else {
                bytes.removeSubrange(..<start)
            }
            scanned -= start
            start = 0
        }
        bytes.append(contentsOf: piece)
    }

    /// The next whole line without its line break, or nil when more bytes are needed.
    ///
    /// - Throws: `WireError.lineTooLong`, after which the stream is of no more use.
    public mutating func next() throws(WireError) -> ArraySlice<UInt8>? {
        while scanned < bytes.count && bytes[scanned] != UInt8(ascii: "\n") {
            scanned += 1
        }
        guard scanned - start <= limit else { throw .lineTooLong(limit: limit) }
        guard scanned < bytes.count else { return nil }
        let line = bytes[start..<scanned]
        scanned += 1
        start = scanned
        return line
    }

    /// Whether bytes of an unfinished line are held.
    public var isInsideLine: Bool { start < bytes.count }

    /// How many bytes of an unfinished line are held.
    public var held: Int { bytes.count - start }
}
