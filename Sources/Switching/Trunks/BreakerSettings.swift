import SIP

/// How soon what calls meet closes a trunk, and how soon it is tried again.
public struct BreakerSettings: Sendable, Hashable {
    /// Calls in a row that met the trunk's own fault. Zero: calls never close a trunk.
    public var failures = 3
    /// How long it is left alone before one call tries it; doubled each time that fails.
    public var pause: Instant.Span = .seconds(30)
    public var longestPause: Instant.Span = .seconds(300)

    public init() {}
}
