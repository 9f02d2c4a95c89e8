import Charging
import Dialplan

/// What the CLI and the console ask of a running switch. Codable, so that the control socket can
/// carry it; the switch decides each in one turn, and answers a change of money or settings only when
/// it is durable.
public enum ControlRequest: Sendable, Codable {
    case status
    case calls
    case trunks
    case lines
    case registrations
    case extensions
    case extensionShown(number: String)
    /// All or none: one bad row refuses the whole list, and the refusal names every bad row.
    case extensionsChanged([ExtensionChange])
    case extensionRemoved(number: String)
    case accounts
    case accountShown(id: String)
    case accountOpened(AccountOpening)
    case accountToppedUp(MoneyChange)
    case accountAdjusted(MoneyChange)
    case accountRefunded(MoneyChange)
    case accountChanged(AccountChange)
    /// Stops the calls of an account or an extension until it is released.
    case spendingHeld(SpendingSubject, reason: String, by: String)
    case spendingReleased(SpendingSubject, by: String)
    /// The codes are in the answer and nowhere else.
    case vouchersMade(VoucherOrder)
    case voucherRedeemed(code: String, account: String, by: String)
    case voucherBatches
    case hungUp(call: String)
    /// Addresses that are banned for scanning and guessing.
    case bans
    case unbanned(address: String)
    /// Take no new calls, or take them again; see `Switch.isDraining`.
    case drainChanged(isDraining: Bool)
    /// The decision of the dialplan for a caller, without making the call.
    case explained(Explanation.Question)
    /// Why a call that is under way takes the way it takes.
    case callExplained(call: String)
    case priced(PriceQuestion)
}

/// What to set of an extension; nil leaves it as it is (or at its default when it is new).
public struct ExtensionChange: Sendable, Codable, Hashable {
    public var number: String
    public var name: String?
    /// In clear only here; stored as digest hashes.
    public var password: String?
    public var level: String?
    /// An empty string takes the account away.
    public var account: String?
    public var callLimit: Int?
    public var callLimitIn: Setting<Int>?
    public var callLimitOut: Setting<Int>?
    /// What its user can set from the phone too.
    public var settings: SettingsChange

    public init(
        number: String, name: String? = nil, password: String? = nil, level: String? = nil,
        account: String? = nil, callLimit: Int? = nil, callLimitIn: Setting<Int>? = nil,
        callLimitOut: Setting<Int>? = nil, settings: SettingsChange = SettingsChange()
    ) {
        self.number = number
        self.name = name
        self.password = password
        self.level = level
        self.account = account
        self.callLimit = callLimit
        self.callLimitIn = callLimitIn
        self.callLimitOut = callLimitOut
        self.settings = settings
    }
}

/// Answers, one for each request.
public enum ControlReply: Sendable, Codable {
    /// Done and durable; says what was done.
    case done(String)
    /// Not done; nothing changed. Says why and what to do.
    case refused(String)
    case status(StatusRow)
    case calls([CallRow])
    case trunks([TrunkRow])
    case lines([LineRow])
    case registrations([RegistrationRow])
    case extensions([ExtensionRow])
    case accounts([AccountRow])
    case explanation(Explanation)
    /// The record of a call under way, as far as it is written, and the call's state.
    case runningCall(CallRecord, state: String)
    case price(PriceRow)
    case vouchers([VoucherRow])
    case voucherBatches([VoucherBatch])
    case bans([BanRow])
}

public struct StatusRow: Sendable, Codable, Hashable {
    /// `running`, or why calls are refused.
    public var state: String
    public var uptimeSeconds: Int64
    public var planVersion: String
    public var calls: Int
    public var registrations: Int
    public var extensions: Int
    public var accounts: Int
    public var tariffRows: Int
    public var transactions: Int
    /// Datagrams that came in, and those of them that were no SIP.
    public var received: UInt64
    public var malformed: UInt64
    public var callsTotal: UInt64
    public var commitsWaiting: Int
    /// Refusals and drops since the start, by name.
    public var counters: [String: UInt64]
    /// What others can make grow, in a fixed order.
    public var tables: [TableRow]
    /// Percent of newcomers that are turned away, and how long the loop was behind at the last
    /// measurement and at the longest, in milliseconds.
    public var turnedAway: Int
    public var delay: Int64
    public var longestDelay: Int64
}

/// A limit with its name: of a table, or of something that has no place where it could be counted.
public struct TableRow: Sendable, Codable, Hashable {
    public var name: String
    /// What is in use now; nil of what holds for each message, call or moment anew.
    public var used: Int?
    public var limit: Int
    /// The key of `tandem.yaml` that sets it, as `limits.calls`; nil of what is fixed.
    public var key: String?

    public init(name: String, used: Int?, limit: Int, key: String? = nil) {
        self.name = name
        self.used = used
        self.limit = limit
        self.key = key
    }
}

/// An address that is banned.
public struct BanRow: Sendable, Codable, Hashable {
    /// In IPv6 a whole /64.
    public var address: String
    /// Microseconds since 1970.
    public var since: Int64
    public var until: Int64
    /// The offence that made the measure full: `Offence.name`.
    public var reason: String
    /// How often it has been banned, this time included.
    public var count: Int
    /// Datagrams that were dropped.
    public var dropped: UInt64
}

public struct CallRow: Sendable, Codable, Hashable {
    public var call: String
    public var state: String
    public var caller: String
    public var dialled: String
    /// Line, trunk or extension that carries it.
    public var route: String
    /// The number of the E1 channel it is on.
    public var channel: Int?
    /// RFC 3339 in UTC is made of this by the shell: microseconds since 1970.
    public var startedAt: Int64
    public var answeredAt: Int64?
    public var seconds: Int64
    public var account: String?
    public var reserved: Amount
    public var planVersion: String
}

public struct TrunkRow: Sendable, Codable, Hashable {
    public var name: String
    public var kind: String
    public var address: String
    /// The addresses that stands for, in no order.
    public var targets: [String]
    /// How each of them answers, by its address, where there are several.
    public var targetSignals: [TrunkSignalRow]
    /// `up`, `down`, `trial` (a call tries whether it is well again) or `unknown` (not heard of yet;
    /// calls are tried).
    public var state: String
    /// Microseconds since 1970.
    public var since: Int64
    public var reason: String
    /// What the state is joined from.
    public var signals: [TrunkSignalRow]
    public var channels: Int
    public var inUse: Int
    /// Numbers of the channels of an E1: that calls are on, that no call takes, and that only
    /// emergency calls take.
    public var taken: [Int]
    public var blocked: [Int]
    public var reserved: [Int]
    public var attempts: UInt64
    public var failures: UInt64
}

/// One sign of a trunk's health.
public struct TrunkSignalRow: Sendable, Codable, Hashable {
    /// `options`, `calls`, `span` or `registration`; of a target its address.
    public var signal: String
    /// `up`, `down`, `unknown`; of `calls` the breaker's `closed`, `open`, `half-open`, `trying`.
    public var state: String
    /// Microseconds since 1970.
    public var since: Int64
    public var reason: String
}

public struct LineRow: Sendable, Codable, Hashable {
    public var line: String
    public var rings: String
    /// The trunk of its gateway, and what the line is called there.
    public var gateway: String?
    public var label: String?
    /// `idle`, `busy`, or `down` when its gateway is.
    public var state: String
    public var call: String?
}

public struct RegistrationRow: Sendable, Codable, Hashable {
    public var number: String
    public var contact: String
    /// The proxies that it came by (RFC 3327); empty where it came directly.
    public var path: String
    public var transport: String
    public var source: String
    /// `reachable`, or `connection lost`: by TCP and TLS a phone is called through the connection that
    /// it registered by.
    public var state: String
    /// Microseconds since 1970.
    public var expiresAt: Int64
    public var userAgent: String
    /// For how many seconds nothing has come from a phone behind NAT whose flow over UDP is kept open, at
    /// least since the start of the process; nil for any other.
    public var unheardSeconds: Int?
}

public struct ExtensionRow: Sendable, Codable, Hashable {
    public var number: String
    public var name: String
    public var level: String
    public var account: String?
    public var callLimit: Int
    public var callLimitIn: Int?
    public var callLimitOut: Int?
    /// Those of the moment.
    public var callsIn: Int
    public var callsOut: Int
    public var line: String?
    public var registered: Int
    /// Why its calls are on hold; nil when they are not.
    public var hold: String?
    /// In the hour and on the day at hand, running calls not among it.
    public var spentInHour: Amount
    public var spentToday: Amount
    public var settings: SettingsRow
}

/// What a decision was, in words and in fields.
public struct Explanation: Sendable, Codable, Hashable {
    /// Who would dial what, when, with which trunks down.
    public struct Question: Sendable, Codable, Hashable {
        /// An extension; or a trunk or a direct line, for somebody outside.
        public var from: String
        public var dial: String
        /// Microseconds since 1970; nil is now.
        public var at: Int64?
        /// Trunks, direct lines by their numbers, and `line` for all of them, to take as down besides
        /// those that are.
        public var down: [String]
        /// The number that the caller's phone asks to present, and of a caller from outside its own;
        /// nil when there is none.
        public var presenting: String?

        public init(
            from: String, dial: String, at: Int64? = nil, down: [String] = [],
            presenting: String? = nil
        ) {
            self.from = from
            self.dial = dial
            self.at = at
            self.down = down
            self.presenting = presenting
        }
    }

    /// `ring 8002`, `route`, `emergency` or `refuse`.
    public var outcome: String
    public var dialled: String
    public var normalised: String
    public var numberClass: String?
    /// In the order they would be tried: `line 66778001`, `trunk ip-e1 (down)`.
    public var routes: [String]
    public var presented: String?
    public var refusal: String?
    /// `Refusal.Code` of the dialplan.
    public var refusalCode: String?
    public var sipStatus: Int?
    /// As `Step.stored` writes them, so that whoever asked can tell them in their own language.
    public var steps: [String]
    public var planVersion: String
    /// Whether each way out could be paid for now, in the order they would be tried; none where
    /// nobody pays.
    public var payments: [Payment]

    /// What a way out costs, and who pays.
    public struct Payment: Sendable, Codable, Hashable {
        /// `line 66778001`, `ip-e1`.
        public var way: String
        /// Nil where the way costs nothing, or whoever would pay has no account.
        public var account: String?
        /// A minute that begins at the time of the question, in `currency`; nil where it is not sold.
        public var minute: Amount?
        public var currency: String
        /// Why the call may not take this way; nil when it may.
        public var refusal: String?
        /// The status of the refusal.
        public var sipStatus: Int?

        public init(
            way: String, account: String? = nil, minute: Amount? = nil, currency: String,
            refusal: String? = nil, sipStatus: Int? = nil
        ) {
            self.way = way
            self.account = account
            self.minute = minute
            self.currency = currency
            self.refusal = refusal
            self.sipStatus = sipStatus
        }
    }
}
