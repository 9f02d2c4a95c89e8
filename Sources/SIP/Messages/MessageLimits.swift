/// The largest message that is read. What is beyond is refused by name, never cut short.
public enum MessageLimits {
    /// Bytes of a whole message: what two bytes can index.
    public static let bytes = 65_535
    /// The same of one that goes by UDP: 65,535 without the headers of IPv4 and UDP (RFC 3261 §18.1.1).
    public static let datagramBytes = 65_507
    /// Header fields of a message, each repetition counted.
    public static let fields = 256
    /// Bytes of a header field's name.
    public static let fieldNameBytes = 255
    /// The largest CSeq number (RFC 3261 §8.1.1.5).
    public static let cseqNumber: UInt32 = 2_147_483_647

    /// Whether a message that was written is no larger than one that is read: in bytes, and in header
    /// fields, which are counted where there is room for so many.
    ///
    /// - Parameter isDatagram: it is to go by UDP.
    public static func admit(_ message: [UInt8], isDatagram: Bool) -> Bool {
        guard message.count <= (isDatagram ? datagramBytes : bytes) else { return false }
        // The shortest is a letter, a colon and a line end.
        guard message.count > 4 * fields else { return true }
        let span = message.span
        // The first line is none, and the empty line is the end of them.
        var lines = -1
        var start = 0
        while lines <= fields {
            let end = span.first(.lf, or: .lf, from: start, to: span.count)
            guard end < span.count, end > start + 1 else { return true }
            lines += 1
            start = end + 1
        }
        return false
    }
}
