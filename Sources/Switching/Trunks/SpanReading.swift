/// What a gateway says of its E1 span: dsx1LineStatus of RFC 4805, or why it cannot be had.
public enum SpanReading: Sendable, Hashable {
    case status(SpanStatus)
    case unreadable(String)
}

/// dsx1LineStatus (RFC 4805 §3): a sum of bits, 1 where there is no alarm.
public struct SpanStatus: Sendable, Hashable {
    public var rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    private static let alarms: [(bit: UInt32, text: String)] = [
        (2, "far end reports loss of frame"),
        (4, "sends loss of frame to the far end"),
        (8, "receives AIS"),
        (16, "sends AIS"),
        (32, "loss of frame"),
        (64, "loss of signal"),
        (128, "looped back"),
        (256, "AIS in time slot 16"),
        (512, "far end reports loss of multiframe"),
        (1024, "sends loss of multiframe to the far end"),
        (2048, "receives a test pattern"),
        (4096, "other failure"),
        (8192, "unavailable signal state"),
        (16384, "equipment out of service"),
        (32768, "receives AIS in the payload"),
    ]

    /// What keeps the span from carrying calls, in words; empty when nothing does. A threshold of
    /// quality that was crossed (bit 65536) is no alarm.
    public var alarms: [String] {
        Self.alarms.filter { rawValue & $0.bit != 0 }.map(\.text)
    }
}
