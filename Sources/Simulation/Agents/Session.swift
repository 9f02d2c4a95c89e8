import SIP

/// One side of one call, as a phone or gateway sees it.
struct Session: Sendable {
    enum State: Sendable {
        /// The INVITE is out (a caller) or in (a callee).
        case inviting
        /// The caller has given up and waits for the end of its INVITE.
        case canceled
        /// A callee's 2xx is out and its ACK is not here.
        case answered
        case talking
        /// BYE is out.
        case leaving
        case ended
    }

    let isCaller: Bool
    /// The call's number in the simulated world.
    let serial: Int
    let callID: [UInt8]
    var state = State.inviting
    /// From of our requests, with our tag, and To, with the peer's tag when it is known.
    var local: [UInt8]
    var remote: [UInt8]
    /// The Request-URI of our next request.
    var target: [UInt8]
    var cseq = 0
    /// How long to talk before hanging up.
    var talk: Instant.Span
    /// The INVITE that began it: ours or theirs.
    var invite: Message?
    var inviteKey: TransactionID?
    /// How often a challenge was answered.
    var challenges = 0
    /// The 2xx that is sent until its ACK comes, and the pause after the last one.
    var answer: [UInt8] = []
    var answerPause = Instant.Span.milliseconds(500)
    var answeredAt = Instant(nanoseconds: 0)
    /// A provisional response that is sent until its PRACK comes (RFC 3262 §3), and when it was first.
    var provisional: [UInt8] = []
    var provisionalPause = Instant.Span.milliseconds(500)
    var provisionalSince = Instant(nanoseconds: 0)
    /// It was answered and acknowledged, and the PRACK had not come.
    var hasAnsweredUnacknowledged = false
    /// Of this caller, the last one that it acknowledged, by tag and number.
    var acknowledged: [[UInt8]: UInt32] = [:]
    /// This callee rings, and must hear the end of it.
    var hasRung = false
    /// It rang until it gave up by itself.
    var hasRungInVain = false
    /// It has asked that this call be connected elsewhere.
    var isHandedOn = false
    /// It is dead to this call, and says nothing at all.
    var isVanished = false
    /// Its phone has begun anew since, and has never heard of it.
    var isForgotten = false
    /// When it hangs up, since nobody has refreshed the session.
    var sessionEnds: Instant?
    /// It is this side that refreshes the session.
    var refreshesItself = false
    /// What this caller's INVITE says of the dialog that it takes the place of.
    var replaces: String?
    /// This caller never acknowledges.
    var leavesOutAck = false

    var isOpen: Bool {
        switch state {
        case .inviting: isCaller
        case .canceled, .answered, .talking, .leaving: true
        case .ended: false
        }
    }

    init(
        isCaller: Bool, serial: Int, callID: [UInt8], local: [UInt8], remote: [UInt8],
        target: [UInt8], talk: Instant.Span
    ) {
        self.isCaller = isCaller
        self.serial = serial
        self.callID = callID
        self.local = local
        self.remote = remote
        self.target = target
        self.talk = talk
    }
}

/// A transaction by its branch and method.
struct TransactionID: Hashable, Sendable {
    var branch: [UInt8]
    var method: Method

    init(_ message: Message) {
        branch = Array(message.topVia.branch ?? [])
        method = message.method
    }
}

/// A request of a user agent that waits for its answer.
struct Outstanding: Sendable {
    var message: Message
    /// Call-ID of the session it belongs to; empty for REGISTER.
    var session: [UInt8]
    var pause = Instant.Span.milliseconds(500)
    var since: Instant
    /// A provisional response has come: INVITE is sent no more.
    var isProceeding = false
}
