import Foundation

/// The machine's clock, for what people say relative to now.
enum Wall {
    /// Microseconds since 1970 UTC.
    static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000_000) }
}
