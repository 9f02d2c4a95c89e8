import SIP

/// A request of ours that waits for its responses, and what it is for.
struct ClientEntry: Sendable {
    enum Machine: Sendable {
        case invite(ClientInviteTransaction)
        case other(ClientTransaction)
    }

    /// Who is told of the responses.
    enum User: Sendable {
        /// Nobody: a BYE or CANCEL whose call is over.
        case nobody
        /// The INVITE of a callee's leg.
        case attempt(call: Handle, callee: Int)
        /// A request inside a dialog that came on the other leg.
        case relay(call: Handle, to: Side, server: Handle, serverMethod: Method)
        /// OPTIONS to a trunk.
        case probe(trunk: String, target: NextHop)
        /// REGISTER to a trunk's operator.
        case registration(trunk: String)
        /// INFO, UPDATE or OPTIONS inside a dialog: is that side still there?
        case check(call: Handle, side: Side)
        /// INVITE inside a dialog, for the join of this call.
        case join(call: Handle, asked: LegReference)
        /// NOTIFY to a phone that watches an extension.
        case notification(subscription: Handle)
        /// MESSAGE or NOTIFY to one of the phones of an extension, outside of any call.
        case fork(Handle, phone: Int, flow: Int)
        /// NOTIFY of what waits in its mailbox to a phone that has just registered by this Call-ID.
        case summary(String, registration: [UInt8])
        /// SUBSCRIBE to the mailbox server.
        case mailbox(Handle)
    }

    /// What finds this entry: the number of the branch, CANCEL apart from the INVITE it shares it
    /// with.
    struct Key: Hashable, Sendable {
        var branch: UInt64
        var isCancel: Bool
    }

    enum Unsent: Sendable {
        /// Its connection is gone, and no other can be made.
        case noConnection
        /// It is larger than what anybody has to read (`MessageLimits`): what it passes on came near to
        /// that already.
        case tooLarge
    }

    let key: Key
    let method: Method
    var machine: Machine
    var user: User
    var flow: Flow
    /// To send again, and to build CANCEL and ACK from; empty when it is needed no more.
    var request: [UInt8]
    /// The ACK that was sent for a final response to INVITE; sent again when that comes again.
    var acknowledgement: [UInt8] = []
    /// The attempt was given up for another route: send it no more, but answer what comes late.
    var isAbandoned = false
    /// The value of Reason in a CANCEL that waits for the first provisional response.
    var cancelReason: [UInt8] = []
    /// A large request that went by TCP for its size alone: the listener it goes by where no
    /// connection can be had.
    var datagramListener: UInt16?
    /// Why it was not sent, and fails at its deadline; nil where it was.
    var unsent: Unsent?
    /// Whose challenges it answers: another one by the same means that the password is wrong, unless it
    /// asks for a newer nonce and nobody has done so yet.
    var challengers: Challengers = []
    /// Of a request that no leg of a call waits for, as a BYE: the trunk it goes to, whose password
    /// answers a challenge to it.
    var trunk: String?
    /// When it left, or the one that it takes the place of.
    var startedAt: Instant
    /// Where the same request was sent before, in vain.
    var tried: [NextHop] = []
    /// The 503 of a place that it was sent on from; empty where none has said so.
    var refusal: [UInt8] = []
}

/// A request of somebody's that we have to answer, and who answers it.
struct ServerEntry: Sendable {
    enum Machine: Sendable {
        case invite(ServerInviteTransaction)
        case other(ServerTransaction)
    }

    /// Who is told when the request is cancelled or its answer is never acknowledged.
    enum User: Sendable {
        case nobody
        /// The INVITE that began a call.
        case call(Handle)
        /// An INVITE inside a dialog, passed to the other leg by this client transaction.
        case relay(call: Handle, from: Side, client: Handle)
    }

    let key: TransactionKey
    var machine: Machine
    var user: User
    /// Where responses go.
    var flow: Flow
    /// Where the request came from.
    let source: Endpoint
    /// The request, as long as a response may have to be made from it.
    var request: Message?
    /// The last response, to be sent again.
    var response: [UInt8] = []
    /// The tag we put into To of our responses.
    var localTag: UInt64
}

/// What a deadline is for. One for each kind and thing, so that setting it again replaces it.
struct DeadlineKey: Hashable, DeadlineKeying {
    enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        case client
        case server
        /// The attempt has met no answer of any kind.
        case attempt
        /// It rings too long.
        case noAnswer
        /// The caller's INVITE has expired.
        case invitation
        /// More money is due, or the paid time is over.
        case money
        /// The plan's limit to the length of the call.
        case limit
        /// A 2xx of ours on the caller's leg waits for its ACK.
        case callerAnswer
        /// The same on the callee's leg.
        case calleeAnswer
        /// The breaker of a trunk lets a call try it.
        case breaker
        /// A registration of ours is due, or over.
        case registration
        /// The disk is slow: an answer has waited long enough for it.
        case unwritten
        /// The disk is slow: a refusal has waited long enough for it.
        case withheld
        /// A change has waited long enough for the disk: who asked for it is answered.
        case undecided
        /// Is a side still there, or a session timer due?
        case sidesCheck
        /// The next try of a join that has met another INVITE.
        case join
        /// A parked call was not fetched.
        case park
        /// The time of a subscription is over.
        case subscription
        /// After a restart: it is told anew.
        case subscriptionAnew
        /// A phone behind NAT has said nothing for so long that it is asked.
        case keepAlive
        case probe
        /// Waiting for the answer to a probe.
        case probeAnswer
        /// Once a minute: expired bindings.
        case housekeeping
        /// Phones have had their time to take a text.
        case fork
        /// A phone that has several flows has said nothing by the one that was tried.
        case silentFlow
        /// A place of a name that stands for several has said nothing in its share of the time.
        case silentPlace
        /// A subscription at the mailbox server is due, or has rested.
        case mailbox
        /// Phones that have registered anew are asked whether they know of their calls.
        case restartedPhones
    }

    var kind: Kind
    /// A slab's place or a trunk's place in the settings.
    var slot: UInt32

    /// Room for every kind beside each other.
    static var kinds: Int { 32 }

    var deadlineNumber: Int { Int(slot) * Self.kinds + Int(kind.rawValue) }
}
