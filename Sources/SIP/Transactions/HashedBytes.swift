/// Bytes with their hash, so that a table neither hashes nor, mostly, compares them again.
///
/// The hash is the standard library's, seeded in each process: nobody can prepare keys that
/// collide.
struct HashedBytes: Hashable, Sendable {
    let bytes: [UInt8]
    private let hash: Int

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        hash = hasher.finalize()
    }

    static func == (a: HashedBytes, b: HashedBytes) -> Bool {
        a.hash == b.hash && a.bytes == b.bytes
    }

    func hash(into hasher: inout Hasher) { hasher.combine(hash) }

    /// Appends a piece with its length behind it, so that two pieces cannot run into each other.
    static func appendPiece(_ piece: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: piece)
        appendNumber(UInt32(truncatingIfNeeded: piece.count), to: &bytes)
    }

    static func appendNumber(_ number: UInt32, to bytes: inout [UInt8]) {
        for shift: UInt32 in [0, 8, 16, 24] {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
