/// Names one call in every record, log line and command: which start of the daemon, and which call
/// since then. Written `3-1042`.
///
/// The start is counted durably, so an id is never given twice, whatever was lost in a crash.
public struct CallID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The start in the upper 32 bits, the call in the lower.
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public init(start: UInt32, number: UInt32) {
        rawValue = UInt64(start) << 32 | UInt64(number)
    }

    /// Reads `3-1042`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let start = UInt32(parts[0]), let number = UInt32(parts[1]) else {
            return nil
        }
        self.init(start: start, number: number)
    }

    public var start: UInt32 { UInt32(rawValue >> 32) }
    public var number: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    public var description: String { "\(start)-\(number)" }

    public static func < (a: CallID, b: CallID) -> Bool { a.rawValue < b.rawValue }
}
