import Charging
import Dialplan
import SIP

/// Which leg of a call.
enum Side: Hashable, Sendable {
    case caller
    /// By its place in `Call.callees`.
    case callee(Int)
}

/// A leg of a call: by its local tag every request inside a dialog finds it.
struct LegReference: Hashable, Sendable {
    var call: Handle
    var side: Side
}

/// One call: two legs, the route it is on, who pays, and the record of it.
///
///     routing --> trying --> answering --> connected --> (removed)
///        ^          |            |
///        +----------+            +--> (removed: the disk failed, or the caller had hung up)
///       next route  +--> (removed: refused, given up, nobody left to try)
///
/// A call leaves the table in the turn in which it ends: by then its money is settled and its record
/// is on the way to the disk, and what is left to do (an ACK, the answer to a BYE) is the
/// transactions' own.
struct Call: Sendable {
    enum Phase: Sendable {
        /// Nobody is being tried; only within a turn.
        case routing
        /// INVITE is out to one route, or to all phones of an extension.
        case trying
        /// A callee has answered; the caller is told when that is on the disk.
        case answering(CommitTicket)
        case connected
    }

    /// What a call holds of a trunk or a line while it is on it.
    enum Holding: Sendable {
        case nothing
        case trunk(name: String)
        /// A line, and the gateway's trunk it goes through.
        case line(number: String, trunk: String)
    }

    /// Why the last attempt failed: what the caller is told when no route is left.
    struct Failure: Sendable {
        var status: Int
        var q850: Int
        var text: String
        /// The value of Reason where whoever refused says more than that (RFC 3326).
        var reason: [UInt8]?
        /// After how many seconds whoever refused may be asked again (RFC 3261 §20.33).
        var retryAfter: UInt32?
        /// What is said beside the status to people (Warning 399, RFC 3261 §20.43).
        var warning: String?
        /// Of a callee's refusal what says how to ask better.
        var advice: [Advice] = []

        struct Advice: Sendable {
            var name: HeaderName
            var value: [UInt8]
        }
    }

    let id: CallID
    let startedAt: Instant
    /// A phone has sent it on to `sips`.
    var isSentToSips = false
    var phase = Phase.routing
    var record: CallRecord
    var caller: Leg
    var callees: [Leg] = []
    /// The callee that answered.
    var connected: Int?
    var answeredAt: Instant?
    var ringingAt: Instant?

    /// The caller's INVITE, as long as another route may need it.
    var invite: Message?
    /// PINs that were dialled with the number; the journal is written without them.
    var secrets: [String] = []
    /// Its server transaction, until the final response.
    var inviteTransaction: Handle?
    /// What the caller's INVITE still allows (RFC 3261 §16.6 step 3).
    var maxForwards: Int
    /// How many branches may be out for it at once, here and further on (RFC 5393 §5.3).
    var breadth = Call.usualBreadth
    /// Of an INVITE that does not say (RFC 5393 §5.3.3).
    static let usualBreadth: UInt32 = 60

    var callerExtension: String?
    var calleeExtension: String?
    /// The trunk it came in by.
    var inboundTrunk: String?
    /// The line it came in on.
    var inboundLine: String?
    var isEmergency = false
    /// Who pays and whose line is shown, when it is not the caller: who forwarded it, or whose PIN was
    /// dialled.
    var payingExtension: String?
    /// Nobody pays: the plan itself sends it to a trunk, such as one to a voice mail.
    var isUncharged = false
    /// How it is looked for who takes the call; nil once somebody has. Apart, so that a held call is
    /// small.
    var routing: CallRouting? {
        get { routingBox.first }
        _modify {
            var value = routingBox.popLast()
            defer { routingBox = value.map { [$0] } ?? [] }
            yield &value
        }
    }
    var routingBox: [CallRouting] = []
    /// What is being done with it beyond talking; nil mostly. Apart for the same reason.
    var handover: Handover? {
        get { handoverBox.first }
        _modify {
            var value = handoverBox.popLast()
            defer { handoverBox = value.map { [$0] } ?? [] }
            yield &value
        }
    }
    var handoverBox: [Handover] = []
    /// The call whose remaining side talks with the remaining side of this one, since who was in both
    /// has connected them; see `Switch+Transfer`.
    var joined = Handle.none
    /// The shown name of the caller.
    var callerName: [UInt8] = []

    var routes: [RouteChoice] = []
    var nextRoute = 0
    var holding = Holding.nothing
    /// The number of the E1 channel that the current attempt holds.
    var channel: Int?
    /// The same of the trunk it came in by.
    var inboundChannel: Int?
    /// The current attempt is the trial of its trunk's breaker, and has not said yet how it went.
    var isTrial = false
    /// Where else the current route is reached (RFC 3263 §4.3).
    var targetsLeft: [NextHop] = []
    /// Where the current attempt went.
    var target: NextHop?
    /// The channel on which this call has collided with one from the other side.
    var glaredChannel: Int?
    /// What the caller hears of whom; see `Switch+Ringing`.
    var earlyDialogs: [EarlyDialog] = []
    var lastFailure: Failure?
    /// When the current attempt began, and when it first rang.
    var attemptStartedAt: Instant
    var attemptRingingAt: Instant?

    var money: CallMoney?
    /// The longest it may last by the plan.
    var limitMilliseconds: Int64?

    /// Reliable provisional responses on the way to the caller (RFC 3262), by our own numbers.
    var provisionals: [ReliableProvisional] = []
    var lastRSeq: UInt32 = 0

    subscript(side: Side) -> Leg {
        // Lent and not copied: most ask for one field of it.
        _read {
            switch side {
            case .caller: yield caller
            case .callee(let index): yield callees[index]
            }
        }
        _modify {
            switch side {
            case .caller: yield &caller
            case .callee(let index): yield &callees[index]
            }
        }
    }

    /// The leg at the other end, when there is one to talk to.
    func partner(of side: Side) -> Side? {
        switch side {
        case .callee: .caller
        case .caller: connected.map(Side.callee) ?? soleRinging.map(Side.callee)
        }
    }

    /// The callee that has an early dialog, when it is the only one.
    var soleRinging: Int? {
        let ringing = callees.indices.filter {
            callees[$0].state == .trying && !callees[$0].dialogs.isEmpty
        }
        return ringing.count == 1 ? ringing[0] : nil
    }

    /// The one side that is left of a call that is joined to another, or waits to be.
    var remainingSide: Side? {
        if caller.state == .answered { return .caller }
        guard let connected, callees[connected].state == .answered else { return nil }
        return .callee(connected)
    }

    var stateName: String {
        switch phase {
        case .routing: "routing"
        case .trying: ringingAt == nil ? "trying" : "ringing"
        case .answering: "answering"
        case .connected:
            handover?.parked != nil
                ? "parked" : handover?.transfer == nil ? "connected" : "transferring"
        }
    }
}

/// What pays for a call and how far.
struct CallMoney: Sendable {
    var account: String
    /// The extension whose limits count.
    var payer: String?
    /// As if the call were answered when it was priced, until it is answered.
    var rating: Rating
    /// Labels of the price list, for the record.
    var plan: String
    var via: String?
    var currency: String
    /// When the price was looked up.
    var pricedAt: Instant
    /// Steps that are reserved, from the first.
    var steps: Int
    /// Milliseconds from the answer that they cover; `Rating.unlimited` when time is free.
    var paidMilliseconds: Int64

    init(
        account: String, payer: String? = nil, rating: Rating, steps: Int,
        plan: String = TariffBook.standardPlan, via: String? = nil, currency: String = "",
        pricedAt: Instant
    ) {
        self.account = account
        self.payer = payer
        self.rating = rating
        self.plan = plan
        self.via = via
        self.currency = currency
        self.pricedAt = pricedAt
        self.steps = steps
        self.paidMilliseconds = rating.milliseconds(ofSteps: steps)
    }

    /// The same with so many steps reserved.
    func paid(steps: Int) -> CallMoney {
        var money = self
        money.steps = steps
        money.paidMilliseconds = rating.milliseconds(ofSteps: steps)
        return money
    }
}

/// A provisional response that the caller has to confirm with PRACK, and whose it was.
struct ReliableProvisional: Sendable {
    /// Our RSeq towards the caller.
    var rseq: UInt32
    var callee: Int
    /// The callee's dialog, RSeq and the CSeq of our INVITE to it.
    var remoteTag: [UInt8]
    var calleeRSeq: UInt32
    var calleeCSeq: UInt32
}
