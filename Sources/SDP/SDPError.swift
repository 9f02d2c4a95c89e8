/// Why bytes are no session description.
public struct SDPError: Error, Hashable, Sendable {
    public enum Reason: Hashable, Sendable {
        /// Over `SDPLimits.bytes`.
        case tooLong
        /// Over `SDPLimits.media`.
        case tooManyMedia
        /// No `v=0` at the start.
        case unknownVersion
        /// A line that is not a letter, `=` and a value.
        case malformedLine
        /// No `o=` line, or one without its six parts.
        case malformedOrigin
        case malformedConnection
        case malformedMedia
    }

    public var reason: Reason
    /// Where the line starts, from the first byte of the description.
    public var offset: Int

    public init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}
