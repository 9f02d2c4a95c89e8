import SIP

/// What is being done with a call beyond talking: one of its sides sends the other on, or it is made
/// so that somebody can be sent on to it.
struct Handover: Sendable {
    /// One of its sides has asked that the other be connected elsewhere.
    var transfer: Transfer?
    /// The call of whose transfer this one is the other half.
    var isFor = Handle.none
    /// Its callee's offer, which waits for the disk.
    var offer: Offer?
    /// Two sides are being given each other's session descriptions.
    var join: Join?

    /// Where its one side waits to be fetched.
    var parked: Parked?

    var isOver: Bool { transfer == nil && isFor == .none && join == nil && parked == nil }
}

/// A transfer under way (RFC 3515).
struct Transfer: Sendable {
    /// Who transfers.
    var by: Side
    /// The call that the other side is to be connected to.
    var to: Handle
    /// The transferor's own side of that call, where it has talked there first (RFC 3891); nil of a
    /// call that is made for the transfer.
    var consulted: LegReference?
    /// The CSeq of its REFER, by which the transferor knows which one it is told of (RFC 3515 §2.4.6).
    var event: UInt32
    /// It is told by NOTIFY, unless it asked not to be (RFC 4488).
    var isNotified: Bool
    /// The last status it was told.
    var lastStatus = 100
}

/// A session description and its type.
struct Offer: Sendable {
    var body: [UInt8]
    var contentType: [UInt8]

    init(of message: Message) {
        body = Array(message.body)
        contentType = Array(message.value(.contentType) ?? [])
    }
}

/// Two sides that have talked with somebody else are given each other's session descriptions by
/// re-INVITE (RFC 3725 §4.1, flow I).
///
///     offerer  <-- INVITE without a description --  switch
///     offerer  --- 200 with its offer ----------->
///                                           switch  --- INVITE with the offer --->  answerer
///                                                   <-- 200 with its answer ------
///                                                   --- ACK --------------------->
///     offerer  <-- ACK with the answer ------------
///
/// A side whose call is made for it has made its offer already, with the 200 of its first INVITE.
struct Join: Sendable {
    enum Purpose: Sendable, Equatable {
        /// The end of a transfer.
        case transfer
        /// Both talk with each other already; one of them has been told of another in between.
        case restoration
        /// The offerer is put on hold: nobody else is asked.
        case hold
        /// A parked side is fetched by a phone whose INVITE holds the offer.
        case retrieval
        /// Another phone of the same extension, whose INVITE holds the offer, takes this side of the
        /// call (RFC 3891).
        case takeover(Side)
    }

    var offerer: LegReference
    var answerer: LegReference
    var purpose: Purpose
    /// nil until it has been made.
    var offer: Offer?
    /// The transfer has failed meanwhile: who is asked at the moment goes back.
    var isAbandoned = false
    /// It is asked again at its deadline.
    var isWaiting = false
    /// What it waits for is the end of an INVITE that we have sent ourselves: then it goes on at once.
    var waitsForOwnInvite = false
    /// How often a side had something else under way (491).
    var collisions = 0

    static let collisionLimit = 4
}
