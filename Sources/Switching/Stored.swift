import Charging
import SIP

/// What is on the disk when the daemon starts: all the switch knows of its past.
public struct StoredState: Sendable {
    public var extensions: [Extension] = []
    /// By extension; those that have nothing set are missing.
    public var userSettings: [String: UserSettings] = [:]
    public var accounts: [Account] = []
    public var bindings: [Binding] = []
    /// Every price list: in force, to come, and for one way out.
    public var tariffs: TariffBook
    /// All top-ups, refunds and adjustments ever made, so that none is made twice.
    public var postings: [Posting] = []
    /// Calls that were under way when the daemon ended.
    public var runningCalls: [RunningCall] = []
    /// What of those cannot be read any more, a line each that says what: the shell tells it.
    public var unreadable: [String] = []
    /// The sequence number of the last closed record; 0 when there is none.
    public var lastSequence: UInt64 = 0
    /// How often the data folder was opened, this time included; counted durably by the store.
    public var start: UInt32 = 1
    /// Every voucher ever made; the postings say which were redeemed.
    public var vouchers: [Voucher] = []
    /// Who is on hold for what was spent, and who was released.
    public var holds: [SpendingHold] = []
    /// Calls that were charged in the last two days, so that today's limits go on counting.
    public var recentCharges: [RecentCharge] = []
    /// Who watched whom when the last daemon ended.
    public var subscriptions: [StoredSubscription] = []
    /// What waits in mailboxes, as their server has said last: a body of
    /// `application/simple-message-summary` (RFC 3842), by extension.
    public var summaries: [String: [UInt8]] = [:]
    /// Names this run of the machine's monotonic clock, from one start of the machine to the next, so
    /// that readings of it from before a crash are known to be of the same clock; 0 when the shell
    /// cannot tell. Not stored: the shell knows it.
    public var boot: UInt64 = 0

    public init(tariffs: TariffBook) { self.tariffs = tariffs }

    /// With one price list for everybody.
    public init(tariff: Tariff) { self.init(tariffs: TariffBook(tariff)) }

    /// The last price list of the standard plan.
    public var tariff: Tariff {
        tariffs.deck(plan: TariffBook.standardPlan, at: .max)?.tariff ?? Tariff()
    }
}

/// One change to what is stored.
public enum StoredChange: Sendable {
    /// Inserts or replaces, by number.
    case extensionSaved(Extension)
    /// Takes the subscriber's settings, bindings and message summary along.
    case extensionRemoved(number: String)
    /// Inserts or replaces all that a subscriber has set for itself.
    case settingsSaved(number: String, UserSettings)
    /// Inserts or replaces, by extension, contact and `regID`.
    case bindingSaved(Binding)
    /// `regID` as in the binding's flow; 0 where it has none.
    case bindingRemoved(number: String, contact: [UInt8], regID: UInt32 = 0)
    /// Inserts or replaces, by tag.
    case subscriptionSaved(StoredSubscription)
    case subscriptionRemoved(tag: UInt64)
    /// Inserts or replaces what waits in the mailbox of an extension.
    case summarySaved(number: String, [UInt8])
    /// Inserts or replaces all of an account but its postings.
    case accountSaved(Account)
    /// Inserts the posting (its id is unique) and sets the account's balance to `balanceAfter`.
    case posted(Posting)
    /// Inserts vouchers; one that is there stays.
    case vouchersAdded([Voucher])
    /// Inserts or replaces, by subject.
    case spendingHeld(SpendingHold)
    /// Inserts or replaces the journal entry of a running call, by call id.
    indirect case callRunning(RunningCall)
    /// Inserts the record (call id and sequence are unique) and deletes the journal entry.
    indirect case callClosed(CallRecord)
}

/// A subscriber's number and its settings. The password itself is never kept.
public struct Extension: Sendable, Hashable {
    public var number: String
    public var name: String
    /// H(user:realm:password) for each digest algorithm, and the realm it was made for.
    public var secret: StoredSecret
    public var realm: String
    /// The class of service: a `level` of the dialplan.
    public var level: String
    /// Who pays; nil when the extension may only call free of charge.
    public var account: String?
    /// How many calls at once, in and out together.
    public var callLimit: Int
    /// How many of them in, and how many out; nil is as many as `callLimit`.
    public var callLimitIn: Int?
    public var callLimitOut: Int?

    public init(
        number: String, name: String, secret: StoredSecret, realm: String, level: String,
        account: String?, callLimit: Int = 1, callLimitIn: Int? = nil, callLimitOut: Int? = nil
    ) {
        self.number = number
        self.name = name
        self.secret = secret
        self.realm = realm
        self.level = level
        self.account = account
        self.callLimit = callLimit
        self.callLimitIn = callLimitIn
        self.callLimitOut = callLimitOut
    }
}

/// Where a registered phone is reached (RFC 3261 §10).
public struct Binding: Sendable, Hashable {
    /// The extension: the user part of the address-of-record.
    public var number: String
    /// The contact URI as the phone wrote it, without angle brackets: with its `?headers`, so that it
    /// finds it again in the answers to its REGISTERs.
    public var contact: [UInt8]
    /// The flow the registration came on; requests go there, not to the text of the contact, so that
    /// phones behind NAT are reached.
    public var flow: Flow
    /// Wall time, microseconds since 1970 UTC.
    public var expiresAt: Int64
    public var callID: [UInt8]
    public var cseq: UInt32
    public var userAgent: String
    /// What requests to it carry as Route: the proxies that its REGISTER came by, from us to the phone
    /// (RFC 3327); empty where it came directly.
    public var path: [UInt8] = []
    /// Which phone it is of and which of its flows, where the phone keeps several (RFC 5626).
    public var outbound: OutboundFlow?
    /// The phone has proved its password when it was asked by MD5 alone, since it gave up where it met
    /// another digest: it is asked so after a restart too.
    public var isAskedByMD5Alone = false
    /// False while it was registered by a connection that is gone. Not stored: connections end with
    /// the process.
    public var isReachable = true
    /// The Call-ID of the binding that this one has displaced from its flow; empty where there was none.
    /// Not stored.
    public var displaced: [UInt8] = []

    public init(
        number: String, contact: [UInt8], flow: Flow, expiresAt: Int64, callID: [UInt8],
        cseq: UInt32, userAgent: String
    ) {
        self.number = number
        self.contact = contact
        self.flow = flow
        self.expiresAt = expiresAt
        self.callID = callID
        self.cseq = cseq
        self.userAgent = userAgent
    }

    /// The Request-URI of a request to it: the contact without its headers, which may not stand there
    /// (RFC 3261 §19.1.1) and are not obeyed (§19.1.5).
    var requestURI: [UInt8] {
        URI(parsing: contact[...]).map { Array($0.withoutHeaders) } ?? contact
    }
}

/// One of the flows by which one phone is registered (RFC 5626 §4.2).
public struct OutboundFlow: Sendable, Hashable {
    /// The value of `+sip.instance` without its quotes: the phone itself.
    public var instance: [UInt8]
    /// `reg-id`, never 0.
    public var regID: UInt32

    public init(instance: [UInt8], regID: UInt32) {
        self.instance = instance
        self.regID = regID
    }
}

extension Binding {
    var regID: UInt32 { outbound?.regID ?? 0 }

    /// Whether all of the way to it is by TLS. Behind a proxy only the phone itself can say so.
    var isSecure: Bool {
        flow.transport == .tls && (path.isEmpty || URI(parsing: contact[...])?.scheme == .sips)
    }

    /// The URI that requests to it go to first: of the nearest proxy, or its contact.
    var nextHop: ArraySlice<UInt8> {
        for element in Elements(path[...]) {
            if let address = NameAddr(parsing: element) { return address.uri }
        }
        return contact[...]
    }

    /// The flow of a new connection to its contact, in place of one that is gone; nil where there is
    /// none to be had.
    var redial: Flow? {
        guard let flow = flow.dialled(by: nextHop), flow != self.flow else { return nil }
        return flow
    }
}

/// The journal of a call under way: what must outlive the process.
public struct RunningCall: Sendable {
    public var call: CallID
    /// The record as far as it is known: opened, perhaps answered, not closed.
    public var record: CallRecord
    /// Who pays; nil for a free call.
    public var account: String?
    /// Held for the call on each account of the chain.
    public var reserved: Amount
    /// Prefix of the route's price, as a label: the whole price is `record.basis`. nil for a free
    /// call.
    public var tariffPrefix: String?
    /// Dialogs, flows, clocks and what the call holds, in the switch's own versioned encoding;
    /// empty when nothing of that is true any more, since the data was restored from a backup.
    public var state: [UInt8]

    public init(
        call: CallID, record: CallRecord, account: String?, reserved: Amount,
        tariffPrefix: String?, state: [UInt8]
    ) {
        self.call = call
        self.record = record
        self.account = account
        self.reserved = reserved
        self.tariffPrefix = tariffPrefix
        self.state = state
    }
}
