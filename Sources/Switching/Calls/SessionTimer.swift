import SIP

/// The session timer of one leg (RFC 4028): by when somebody has to say that the call goes on, and who.
///
/// Each leg has its own, since its other end is the switch. The peer refreshes where it can; we do where
/// it asks for that. Every peer is asked besides whether it is there; see `Switch+Sessions`.
struct SessionTimer: Sendable, Hashable {
    var seconds: UInt32
    /// We refresh it; otherwise the peer does.
    var isOurs: Bool
    var expiresAt: Instant

    /// The least interval that may be asked of anybody (RFC 4028 §5).
    static let leastSeconds: UInt32 = 90

    /// When we have to do something: refresh at half time (§7.2), or give up, a little before the end so
    /// that both sides hang up at about the same time (§10).
    var dueAt: Instant {
        isOurs
            ? expiresAt + .seconds(-Int(seconds / 2))
            : expiresAt + .seconds(-Int(min(32, seconds / 3)))
    }

    /// Session-Expires of a request of ours.
    var offer: String { "\(seconds);refresher=\(isOurs ? "uac" : "uas")" }

    mutating func refreshed(now: Instant) {
        expiresAt = now + .seconds(Int(seconds))
    }
}

/// A Session-Expires value: `1800;refresher=uac`.
struct SessionWish: Sendable, Hashable {
    var seconds: UInt32
    /// Whether whoever sent the request refreshes; nil when that is left open.
    var isByRequester: Bool?

    /// nil when there is none, or one that is no number.
    init?(_ message: Message) {
        guard let value = message.value(.sessionExpires) else { return nil }
        let digits = value.prefix { 0x30...0x39 ~= $0 }
        guard let seconds = UInt32(String(decoding: digits.prefix(10), as: UTF8.self)) else {
            return nil
        }
        self.seconds = seconds
        let parameters = Parameters(value.dropFirst(digits.count))
        guard let refresher = parameters.value("refresher") ?? nil else { return }
        isByRequester = refresher.equals("uac") ? true : refresher.equals("uas") ? false : nil
    }
}
