/// Where a header field stands, in eight bytes.
struct FieldEntry: Sendable {
    /// The raw value of the known name, or `unknown`.
    private var number: UInt8 = FieldEntry.unknown
    private var nameCount: UInt8 = 0
    private var nameStart: UInt16 = 0
    /// The trimmed value.
    var value: ByteRange = .empty

    private static let unknown: UInt8 = 0xff

    init() {}

    /// - Parameter name: at most `MessageLimits.fieldNameBytes` long.
    @inline(__always) init(known: KnownHeader?, name: ByteRange, value: ByteRange) {
        number = known?.rawValue ?? Self.unknown
        nameCount = UInt8(truncatingIfNeeded: name.count)
        nameStart = name.start
        self.value = value
    }

    var known: KnownHeader? { KnownHeader(rawValue: number) }

    var isKnown: Bool { number != Self.unknown }

    @inline(__always) func isNamed(_ known: KnownHeader) -> Bool { number == known.rawValue }

    @inline(__always) var name: ByteRange {
        ByteRange(Int(nameStart), Int(nameStart) + Int(nameCount))
    }
}
