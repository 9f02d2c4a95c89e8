import Charging
import SIP
import Switching

/// Something that must never be.
public struct Finding: Sendable, Hashable, CustomStringConvertible {
    /// Which rule was broken, in a few words that are always the same.
    public var rule: String
    public var detail: String
    /// Milliseconds since the start of the simulated world; -1 when nobody knows.
    public var milliseconds: Int64

    public init(rule: String, detail: String, milliseconds: Int64) {
        self.rule = rule
        self.detail = detail
        self.milliseconds = milliseconds
    }

    public var description: String {
        (milliseconds < 0 ? "" : "at \(milliseconds) ms: ") + "\(rule): \(detail)"
    }
}

/// What the auditor knows of one call, from the wire and the disk alone.
struct CallFacts: Sendable {
    enum Kind: Sendable, Equatable { case outbound, `internal`, inbound, emergency, feature }

    var serial: Int
    /// Which start of the switch took it on; nil until one has.
    var start: UInt32?
    /// The caller's Call-ID.
    let callID: [UInt8]
    let kind: Kind
    /// As the record will spell them.
    let caller: String
    let dialled: String
    /// What is rated.
    var normalised: String
    /// Who pays, the caller's own account first; empty when nobody does.
    var chain: [String]

    /// What it is beyond a call that somebody makes.
    enum Handover: Sendable, Equatable {
        /// Made since somebody has another call connected elsewhere: that one's serial.
        case transfer(of: Int)
        /// A code that leaves a call waiting.
        case parking
        /// A code that fetches one: its caller talks, and its own record is that of a code.
        case fetching
        /// An INVITE that takes the place of a phone that rings for another call, by the serial of that.
        case pickup(of: Int)

        /// Its caller talks in another call; its own record costs nothing and was not answered.
        var isElsewhere: Bool {
            switch self {
            case .fetching, .pickup: true
            case .transfer, .parking: false
            }
        }
    }

    var handover: Handover?
    /// The extension that had it sent on to a number outside, and pays.
    var forwardedBy: String?
    /// That it was sent on has reached the disk.
    var isForwardingDurable = false

    /// How long the dialplan in force lets it be, in milliseconds; nil when as long as it is paid.
    var limit: Int64?
    /// Prices that were in force when an attempt began, the first one first; of an answered call, the
    /// one of the attempt that was answered.
    var rows: [PriceBook.Row] = []
    /// A provisional response: the switch has taken the call on.
    var isAccepted = false
    /// CSeq of the INVITE that was taken on; later ones in the dialog are re-INVITEs.
    var inviteCSeq: UInt32 = 0
    var isRefused = false
    /// Refused since the disk said nothing in time.
    var isRefusedUnwritten = false
    /// When the switch told the caller that it is answered.
    var toldAt: Instant?
    /// When the answer was handed to the disk: the beginning of the charge.
    var answeredAt: Instant?
    /// The Call-ID of the leg whose answer it was.
    var connected: [UInt8] = []
    var call: CallID?
    /// Held, by the last journal that was decided, and by the last that is durable.
    var reserved: Int64 = 0
    var durableReserved: Int64 = 0
    var isJournalDurable = false
    /// A free call waits for no disk: one that a crash took before its answer was durable is known to
    /// nobody any more, and its sides find out when they next speak.
    var isForgotten: Bool { !isPaying && diedAt != nil && !isJournalDurable }
    /// When its record was decided.
    var closedAt: Instant?
    var durableRecords = 0
    var isRecordedAnswered = false
    /// Its process died under it: when it did first, and how long it was answered until then.
    var diedAt: Instant?
    /// Its machine lost its power, so only the wall clock tells how long the outage was.
    var hasLostClock = false
    /// The wall clock was stepped while it was answered.
    var isStepped = false
    var isAttempted = false
    var wasTakenWhileDraining = false
    /// The posting of the voucher that it redeems.
    var voucher: String?

    /// Nobody can say how long it was away.
    var isMeasuredWrongly: Bool { hasLostClock && isStepped }

    var isPaying: Bool { !chain.isEmpty && rows.contains { !$0.isFree } }
}

/// One dialog of a call, by its Call-ID.
struct LegFacts: Sendable {
    let serial: Int
    let isCaller: Bool
    /// Which start of the switch invited it.
    var start: UInt32 = 0
    /// The extension whose phone it is; a number outside for any other.
    var number = ""
    /// Whoever is there has asked to leave the call to others.
    var mayLeave = false
    /// The price that was in force when it was invited.
    var row: PriceBook.Row?
    /// A callee's first 2xx was handed to the switch.
    var answeredAt: Instant?
    var remoteTag: [UInt8]?
    /// Tags of further 2xx to the one INVITE, which have to be hung up by themselves.
    var forks: Set<[UInt8]> = []
    /// By both tags, our last request inside the dialog; a caller whose switch died under its INVITE
    /// may get several dialogs of it.
    var sequences: [[UInt8]: (number: UInt32, method: Method, place: Endpoint)] = [:]
    /// Of all requests of ours, to tell one that comes again from one that is new.
    var branches: Set<[UInt8]> = []
    /// Somebody has hung it up: we said BYE, or were told.
    var isHungUp = false
    /// Something that this callee said of its INVITE has reached the switch.
    var isHeard = false
    /// The process that invited it died, and no journal knows of it: it has to give up by itself.
    var isOrphaned = false
}
