/// What a simulated world may do to the switch. Each can be switched on by itself.
public enum Fault: String, CaseIterable, Hashable, Sendable {
    // The network.
    case loss, duplication, reordering, bursts
    /// A phone's address translation gets a new port, in a call too.
    case nat
    /// The kernel says that a datagram cannot be delivered.
    case refusals
    /// What is no SIP.
    case garbage

    // The disk and the machine.
    case slowDisk = "slow-disk"
    case failingDisk = "failing-disk"
    /// The process is killed, at any write too.
    case crashes
    /// The machine loses its power: the monotonic clock begins anew.
    case powerLoss = "power-loss"
    case clockSteps = "clock-steps"
    /// The loop is late for its deadlines.
    case lateLoop = "late-loop"

    // Phones and gateways.
    /// A 200 that crosses our CANCEL.
    case lateAnswers = "late-answers"
    case missingAcks = "missing-acks"
    /// Both sides hang up in the same instant.
    case crossingByes = "crossing-byes"
    /// Two 2xx with two tags to one INVITE.
    case forkedAnswers = "forked-answers"
    /// Both sides re-INVITE in the same instant.
    case glare
    /// Requests that come again and again, answered or not.
    case endlessRetransmission = "endless-retransmission"
    /// Callees that never say anything.
    case silence
    /// Callers that give up early.
    case impatience
    case trunkFailures = "trunk-failures"

    // Work.
    /// Accounts with next to nothing on them.
    case nearZero = "near-zero"
    /// All extensions pay from one account.
    case oneAccount = "one-account"
    case topUps = "top-ups"
    case reloads
    /// A new price list while calls run.
    case newTariffs = "new-tariffs"
    case operators
    /// Tables with little room.
    case smallTables = "small-tables"
    case shortSlices = "short-slices"
    case longCalls = "long-calls"
    case rush
    /// Vouchers that are made and redeemed, twice too, by operators and from phones.
    case vouchers
    /// Accounts that are blocked, expire, and are opened again.
    case accountChanges = "account-changes"
    /// The switch is emptied for an upgrade, and then goes on.
    case drains
    /// Provisional responses that have to be acknowledged (RFC 3262).
    case reliableProvisionals = "reliable-provisionals"
    /// Calls to feature codes.
    case featureCodes = "feature-codes"
    /// Extensions that have their calls sent on to numbers outside, at their own expense.
    case forwarding
    /// Phones that have a call connected elsewhere, blindly or after asking.
    case transfers
    /// Calls that are left waiting at a place, and fetched from there.
    case parking
    /// Phones that die in a call.
    case vanishing
    /// Phones that hang up when nobody refreshes their session (RFC 4028).
    case sessionTimers = "session-timers"
    /// Money that is given back for calls.
    case refunds
    /// Calls that ring at one phone and are answered at another (RFC 3891).
    case pickups
    /// Phones that lose their power in a call and are there again soon.
    case reboots
    /// Gateways that say where they are by a name, whose places may be dead and whose name servers late.
    case gatewayNames = "gateway-names"
}

/// Which faults a world has.
public struct Faults: Hashable, Sendable, CustomStringConvertible {
    private var bits: UInt64

    public static let none = Faults(bits: 0)
    public static let all = Faults(Fault.allCases)

    private init(bits: UInt64) { self.bits = bits }

    public init(_ faults: [Fault]) {
        bits = 0
        for fault in faults { insert(fault) }
    }

    /// A swarm's choice: each seed leaves out other faults, since one fault can hide another
    /// (Groce et al., *Swarm Testing*, 2012).
    public init(drawnFrom seed: UInt64) {
        var chance = Chance(seed: seed, stream: .options)
        let share = chance.pick([150, 350, 500, 700])
        bits = 0
        for fault in Fault.allCases where chance.happens(permille: share) { insert(fault) }
    }

    public func contains(_ fault: Fault) -> Bool { bits & Self.bit(fault) != 0 }
    public mutating func insert(_ fault: Fault) { bits |= Self.bit(fault) }
    public mutating func remove(_ fault: Fault) { bits &= ~Self.bit(fault) }
    public var list: [Fault] { Fault.allCases.filter(contains) }

    /// `loss,crashes`: as the command line takes it.
    public var description: String {
        bits == 0 ? "none" : list.map(\.rawValue).joined(separator: ",")
    }

    private static func bit(_ fault: Fault) -> UInt64 {
        // The order of the cases; found by a switch, never by a hash.
        1 << UInt64(Fault.allCases.firstIndex(of: fault) ?? 0)
    }
}
