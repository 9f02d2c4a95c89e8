/// Why a call is not made.
public struct Refusal: Hashable, Sendable {
    public var code: Code
    /// One plain sentence without a full stop, fit for a SIP Reason text.
    public var reason: String

    public init(code: Code, reason: String) {
        self.code = code
        self.reason = reason
    }

    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// The caller's level does not allow this class of number.
        case level
        /// A rule of the plan forbids it.
        case rule
        /// The groups of caller and called have nothing to do with each other.
        case group
        /// The called extension's incoming level does not let this caller ring it.
        case incoming
        /// The PIN is wrong, locked out, or was never set.
        case pin
        /// The called extension does not want to be disturbed, or the plan says busy.
        case busy
        /// It was forwarded in a circle or too often.
        case forwarding
        /// The account cannot pay for it.
        case balance
        /// No class, extension or line has this number.
        case unknownNumber
        /// The class has no route, or none that this caller can use.
        case noRoute
        /// What was dialled is no number.
        case invalid
    }

    /// The SIP status to answer with.
    public var sipStatus: Int {
        switch code {
        case .level, .rule, .group, .incoming, .pin: 403
        case .busy: 486
        case .forwarding: 480
        case .balance: 402
        case .unknownNumber, .noRoute: 404
        case .invalid: 484
        }
    }

    /// The Q.850 cause to record and to put in a Reason header (RFC 3398 §7.2.4.1).
    public var q850: Int {
        switch code {
        case .level, .rule, .group, .incoming, .pin, .balance: 21
        case .busy: 17
        case .forwarding: 25
        case .unknownNumber: 1
        case .noRoute: 3
        case .invalid: 28
        }
    }
}
