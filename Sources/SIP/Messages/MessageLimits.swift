/// The largest message that is read. What is beyond is refused by name, never cut short.
public enum MessageLimits {
    /// Bytes of a whole message: the largest UDP payload there is, and what two bytes can index.
    public static let bytes = 65_535
    /// Header fields of a message, each repetition counted.
    public static let fields = 256
    /// Bytes of a header field's name.
    public static let fieldNameBytes = 255
    /// The largest CSeq number (RFC 3261 §8.1.1.5).
    public static let cseqNumber: UInt32 = 2_147_483_647
}
