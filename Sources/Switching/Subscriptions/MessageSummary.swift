/// What waits in a mailbox, as its server has said last (RFC 3842), and which phones that have not
/// subscribed to it know.
///
/// Such a phone is told unasked: when the server says so, and when it registers and may not know it,
/// since it was off then, has begun anew, or nobody knows any more what it was told (a restart of
/// ours). It is known by the Call-ID of its registration, which stays the same until it begins anew
/// (RFC 3261 §10.2), so that a refresh tells it nothing.
struct MessageSummary: Sendable {
    /// Its body, of `application/simple-message-summary`.
    let body: [UInt8]
    private var phones: [[UInt8]: Telling] = [:]

    private struct Telling: Sendable {
        var tries = 1
        var isMissed = false
    }

    /// How often a phone is told that answers nothing at all.
    static let tries = 3

    init(body: [UInt8]) { self.body = body }

    /// A phone is about to be told.
    ///
    /// - Parameters:
    ///   - registration: the Call-ID of its REGISTER.
    ///   - known: those of all phones of the extension; of others nothing is remembered.
    /// - Returns: false where it knows, or does not want to.
    mutating func isNews(to registration: [UInt8], among known: [[UInt8]]) -> Bool {
        phones = phones.filter { known.contains($0.key) }
        guard let telling = phones[registration] else {
            phones[registration] = Telling()
            return true
        }
        guard telling.isMissed, telling.tries < Self.tries else { return false }
        phones[registration] = Telling(tries: telling.tries + 1)
        return true
    }

    /// A phone has not answered.
    mutating func missed(by registration: [UInt8]) { phones[registration]?.isMissed = true }
}
