import SIP

/// How much each extension asks for: a stolen password, or a phone gone mad, is to fill neither the disk
/// with records nor the tables with transactions, nor everybody's phone with texts. Bounded by the number
/// of extensions.
typealias RequestRates = LeakyBuckets<String>

extension Limits {
    /// How long the queue of an extension takes for one request, and for one text.
    var eachRequest: Instant.Span {
        Instant.Span(nanoseconds: 1_000_000_000 / Int64(requestsOfExtension))
    }
    var eachText: Instant.Span {
        Instant.Span(nanoseconds: 60_000_000_000 / Int64(textsOfExtension))
    }
}
