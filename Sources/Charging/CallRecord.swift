/// The call detail record: opened when an INVITE is accepted, closed once.
///
/// Wall times are microseconds since 1970 UTC and only label; lengths come from the monotonic clock,
/// in milliseconds. Numbers are as text, digits and `*#+`.
public struct CallRecord: Hashable, Sendable, Codable {
    public enum Direction: String, Hashable, Sendable, Codable, CaseIterable {
        case `internal`
        case outbound
        case inbound
        case emergency
        /// No call: a feature code that was dialled.
        case feature
    }

    /// How the call ended, as Asterisk spells it.
    public enum Disposition: String, Hashable, Sendable, Codable, CaseIterable {
        case answered = "ANSWERED"
        case noAnswer = "NO ANSWER"
        case busy = "BUSY"
        case failed = "FAILED"
    }

    public enum Releaser: String, Hashable, Sendable, Codable, CaseIterable {
        case caller
        case callee
        /// The switch itself: the money was used up, an operator hung up, a restart.
        case `switch`
    }

    /// Who else had a part in a call than who called and who answered.
    public enum Link: String, Hashable, Sendable, Codable, CaseIterable {
        /// An extension that it rang, or should have, had it sent on. It is still one call with one
        /// record: `dialled` is what the caller asked for, `normalised` where it went and what was
        /// rated, and who forwarded it pays and is the `chargedExtension`.
        case forwarded
        /// One of its sides sent the other on: it is the second of two calls, and `linkedCall` is the
        /// first. Who transferred pays for both as if it were still in them.
        case transferred
    }

    // MARK: Who and where

    public var callID: UInt64
    /// Gap-free over all closed records; 0 until this one is closed.
    public var sequence: UInt64 = 0
    public var direction: Direction
    /// The call it comes from, when it was transferred or is the code that fetched one.
    public var linkedCall: UInt64?
    /// nil when nobody sent it on.
    public var link: Link?
    /// The extension, or the number outside, that calls.
    public var caller: String
    /// The first account of the chain that pays; nil when the call costs nothing.
    public var callerAccount: String?
    /// The extension it is charged to: the caller, or who forwarded or transferred it.
    public var chargedExtension: String?
    /// As the user dialled it.
    public var dialled: String
    /// As the dialplan brought it to form; this is what was rated.
    public var normalised: String
    public var numberClass: String?
    /// The caller number that was presented to the callee's side.
    public var presented: String?
    /// Name of the line or trunk that carried it; nil inside.
    public var route: String?
    /// Every route that was tried, in order.
    public var attempts: [Attempt] = []

    // MARK: When

    public var startedAt: Int64
    public var ringingAt: Int64?
    public var answeredAt: Int64?
    public var endedAt: Int64?
    /// From the INVITE to the end, in milliseconds.
    public var durationMs: Int64 = 0
    /// From the answer to the end, in milliseconds; 0 when it was never answered.
    public var billedMs: Int64 = 0

    // MARK: How it ended

    /// nil until it has ended.
    public var disposition: Disposition?
    public var releasedBy: Releaser?
    /// The final SIP status of the call, 200 when it was answered.
    public var sipStatus: Int?
    /// Q.850 cause.
    public var q850Cause: Int?
    /// In words, for the operator.
    public var endReason: String = ""

    // MARK: Money

    public var tariffPrefix: String?
    public var tariffName: String?
    /// How many steps were charged.
    public var steps: Int = 0
    public var charge: Amount = .zero
    /// How the price of those steps is made up, for whoever wants to compute it again.
    public var receipt: [ReceiptLine] = []
    /// The tariff row and all else that the price was computed by.
    public var basis: PriceBasis?
    /// Of every account of the chain after the charge, the caller's own first.
    public var accountBalances: [AccountBalance] = []

    // MARK: Why

    public var dialplanVersion: String = ""
    /// What the dialplan looked at, line by line.
    public var explanation: [String] = []

    public init(
        callID: UInt64, direction: Direction, caller: String, callerAccount: String? = nil,
        dialled: String, normalised: String? = nil, numberClass: String? = nil, startedAt: Int64
    ) {
        self.callID = callID
        self.direction = direction
        self.caller = caller
        self.callerAccount = callerAccount
        self.dialled = dialled
        self.normalised = normalised ?? dialled
        self.numberClass = numberClass
        self.startedAt = startedAt
    }
}
