import SIP

/// Which methods a peer takes, as far as it matters: what its Allow says (RFC 3261 §20.5). Empty until
/// it has sent one.
struct PeerMethods: OptionSet, Sendable, Hashable {
    var rawValue: UInt8

    /// UPDATE without a session description (RFC 3311).
    static let update = PeerMethods(rawValue: 1)
    /// It has sent an Allow, and INFO is not in it.
    static let lacksInfo = PeerMethods(rawValue: 2)

    /// A message of the peer; one without Allow says nothing new.
    mutating func told(by message: Message) {
        guard message.has(.allow) else { return }
        self = message.has("UPDATE", in: .allow) ? .update : []
        if !message.has("INFO", in: .allow) { insert(.lacksInfo) }
    }

    /// By what it is asked whether it is still in its dialog.
    ///
    /// INFO without a body says nothing to anybody, and is 481 where there is no dialog, by its own
    /// definition (RFC 2976 §2.2). OPTIONS comes last: many answer it as they would outside of a dialog
    /// (RFC 3261 §11.2), a phone that has begun anew and remembers no call among them.
    var question: Method {
        guard contains(.lacksInfo) else { return .info }
        return contains(.update) ? .update : .options
    }
}

extension Method {
    /// Whoever knows nothing of a dialog says 481 to it, and does not answer it all the same.
    var needsDialog: Bool { self != .options && self != .message }
}
