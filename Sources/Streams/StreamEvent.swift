import SIP

/// What happens on connections, in the order in which it happens on each.
public enum StreamEvent: Sendable {
    /// A whole message came.
    case received([UInt8], on: Flow)
    /// The peer has shown a certificate for these host names, and it is good.
    case certified(Flow, names: [String])
    /// A connection is gone.
    case closed(Flow, wasAccepted: Bool)
    /// What was to be sent cannot be: no connection could be made.
    case failed(Flow)
}
