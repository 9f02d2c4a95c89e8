/// A reading of a clock that never steps back: nanoseconds since an arbitrary start.
///
/// It is what every deadline and every length of time in the core is made of. Wall time only labels
/// records; it never decides anything.
public struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's start.
    public var nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Later than every other instant: the deadline of something that waits for no timer.
    public static let distantFuture = Instant(nanoseconds: .max)

    @inlinable public static func < (a: Instant, b: Instant) -> Bool {
        a.nanoseconds < b.nanoseconds
    }

    /// `distantFuture` stays where it is, whatever is added.
    @inlinable public static func + (instant: Instant, span: Span) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span.nanoseconds)
        return Instant(nanoseconds: overflow ? .max : sum)
    }

    @inlinable public static func - (a: Instant, b: Instant) -> Span {
        Span(nanoseconds: a.nanoseconds - b.nanoseconds)
    }
}

extension Instant {
    /// A length of time in nanoseconds. (`Swift.Duration` is 128 bits wide and twice the size of
    /// what a timer needs.)
    public struct Span: Hashable, Comparable, Sendable {
        public var nanoseconds: Int64

        @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

        public static let zero = Span(nanoseconds: 0)
        @inlinable public static func milliseconds(_ count: Int) -> Span {
            Span(nanoseconds: Int64(count) * 1_000_000)
        }
        @inlinable public static func seconds(_ count: Int) -> Span {
            Span(nanoseconds: Int64(count) * 1_000_000_000)
        }
        @inlinable public var milliseconds: Int64 { nanoseconds / 1_000_000 }

        @inlinable public static func < (a: Span, b: Span) -> Bool { a.nanoseconds < b.nanoseconds }
        @inlinable public static func + (a: Span, b: Span) -> Span {
            Span(nanoseconds: a.nanoseconds + b.nanoseconds)
        }
        @inlinable public static func - (a: Span, b: Span) -> Span {
            Span(nanoseconds: a.nanoseconds - b.nanoseconds)
        }
        @inlinable public static func * (a: Span, factor: Int) -> Span {
            Span(nanoseconds: a.nanoseconds * Int64(factor))
        }
    }
}
