import Charging
import Dialplan
import SIP

/// All that an admin decides in files: read and checked as a whole, swapped as a whole.
public struct Configuration: Sendable {
    public var settings: Settings
    public var plan: Plan

    public init(settings: Settings, plan: Plan) {
        self.settings = settings
        self.plan = plan
    }
}

/// The values of `tandem.yaml` that the switch needs, names resolved.
public struct Settings: Sendable {
    /// The digest realm, and the host part of an extension's address-of-record.
    public var realm: String
    /// Host names that mean this switch, besides the realm and the listeners' addresses.
    public var domains: [String] = []
    /// In the order of `Flow.listener`.
    public var listeners: [ListenerSettings]
    public var trunks: [TrunkSettings] = []
    /// The gateways that the direct lines are plugged into; none when there are no lines.
    public var lineGateways: [LineGatewaySettings] = []
    /// The trunk that says what waits in mailboxes; nil when there are none.
    public var mailbox: String?
    /// It is asked for what waits, for phones that ask; otherwise it says so by itself.
    public var asksMailbox = false
    /// Who is asked for the names of trunks; none is the system's own choice.
    public var nameServers: [Endpoint] = []
    /// What the operators of trunks take, by the trunk's name.
    public var trunkTariffs: [String: Tariff] = [:]
    /// What causes and statuses mean to each other.
    public var causes = CauseTable()
    public var registration = RegistrationSettings()
    public var calls = CallSettings()
    public var limits = Limits()
    public var connections = ConnectionSettings()
    public var spending = SpendingSettings()
    public var bans = BanSettings()
    public var overload = OverloadSettings()
    public var timers = TransactionTimers()
    /// How long a digest nonce stays good.
    public var nonceLifetime: Instant.Span = .seconds(300)
    /// What a digest challenge offers; the strongest goes first. SHA-512/256 has to be asked for: phones
    /// that find it among the challenges and do not know it give up, and do not go on to the next one.
    public var digestAlgorithms: [DigestAlgorithm] = [.sha256, .md5]
    /// ISO 4217 code of the amounts.
    public var currency = "CNY"

    public init(realm: String, listeners: [ListenerSettings]) {
        self.realm = realm
        self.listeners = listeners
    }

    /// The trunk of the first gateway of lines; setting it gives that one every line.
    public var lineGateway: String? {
        get { lineGateways.first?.trunk }
        set { lineGateways = newValue.map { [LineGatewaySettings(trunk: $0)] } ?? [] }
    }
}

extension Settings {
    /// How long a call is taken to last when ways are compared by what they cost.
    private static let comparedMilliseconds: Int64 = 180_000

    /// What the operator of a way out takes for a call of three minutes, in millionths of its currency
    /// unit; nil where its prices are not known.
    ///
    /// - Parameter number: in its normalised form.
    public func cost(of via: RouteChoice.Via, to number: String) -> Int64? {
        let trunk: String?
        switch via {
        case .trunk(let name): trunk = name
        case .line(let line): trunk = LineGateways(lineGateways).gateway(of: line)?.trunk
        case .lines: trunk = lineGateways.first?.trunk
        }
        guard let row = trunk.flatMap({ trunkTariffs[$0] })?.row(for: number) else { return nil }
        return Rating(row).price(milliseconds: Self.comparedMilliseconds).micros
    }
}

/// A socket and how it is spoken of in Via and Contact.
public struct ListenerSettings: Sendable, Hashable {
    public var transport: TransportKind
    public var bound: Endpoint
    /// The host others reach it by: the bound address unless the file says otherwise.
    public var advertisedHost: String
    public var advertisedPort: UInt16
    /// Of TLS: whoever connects is asked for a certificate, and need not have one. Some phones ask
    /// their users when they are asked.
    public var asksCertificate = false

    public init(
        transport: TransportKind, bound: Endpoint, advertisedHost: String, advertisedPort: UInt16
    ) {
        self.transport = transport
        self.bound = bound
        self.advertisedHost = advertisedHost
        self.advertisedPort = advertisedPort
    }
}

/// How long registrations live (RFC 3261 §10.3).
public struct RegistrationSettings: Sendable, Hashable {
    public var minimumSeconds = 60
    public var defaultSeconds = 3600
    public var maximumSeconds = 7200
    /// Contacts of one extension; one more pushes out the oldest.
    public var contactLimit = 5
    /// A phone behind NAT that has registered by UDP is asked (OPTIONS) when it has said nothing for so
    /// long, so that its NAT goes on to let through what is sent to it; zero asks nobody. Just below the
    /// shortest memory of a NAT that is common, 30 s (RFC 4787 §4.3, RFC 5626 §4.4.1).
    public var keepAlive: Instant.Span = .seconds(29)

    public init() {}
}

/// What a phone's 3xx does (RFC 3261 §8.1.3.4).
public enum RedirectPolicy: String, Sendable, Hashable, CaseIterable {
    /// The switch calls where it says, with the rights and on the account of its extension.
    case follow = "yes"
    /// The phone that has called is told where, and may call there by its own rights and on its own
    /// account. Calls from outside are followed, since few gateways know what to do with it.
    case pass
    /// The phone has failed.
    case refuse = "no"
}

/// How calls run.
public struct CallSettings: Sendable, Hashable {
    /// A phone that rings longer than this does not answer.
    public var noAnswer: Instant.Span = .seconds(60)
    /// How much talk is paid ahead, at least one step of the tariff.
    public var slice: Instant.Span = .seconds(30)
    /// How long before the paid time ends more is asked for.
    public var extendAhead: Instant.Span = .seconds(2)
    /// A side that says nothing for so long is asked whether it is still there; zero asks nobody.
    public var aliveCheck: Instant.Span = .seconds(120)
    /// Whoever has parked a call is rung when it was not fetched for so long.
    public var parkRecall: Instant.Span = .seconds(120)
    public var redirects = RedirectPolicy.follow
    /// The session timer that is offered (RFC 4028).
    public var session: Instant.Span = .seconds(1800)

    public init() {}
}

/// How many connections there may be, and how long they live (TCP and TLS).
public struct ConnectionSettings: Sendable, Hashable {
    /// Accepted and dialled; one more is refused.
    public var limit = 10_000
    /// Of one address, an IPv6 /64 being one.
    public var limitOfPeer = 1_000
    /// TLS handshakes that one address may begin in a second in the long run, and `limitOfPeer` at once.
    public var handshakesOfPeer = 10
    /// One that was accepted and by which no password was proved and no trunk spoke for so long is
    /// closed: as long as a phone that registers waits for its answer (timer F).
    public var unproved: Instant.Span = .seconds(32)
    /// One by which nothing comes or goes for so long is closed. Longer than a registration lives, so
    /// that no registered phone is cut off.
    public var idle: Instant.Span = .seconds(7260)

    public init() {}
}

/// What may be spent before a call is stopped and somebody has to look: on by default, far above what
/// honest calls cost. In the currency of the account that pays.
public struct SpendingSettings: Sendable, Hashable {
    /// Of every extension.
    public var ofExtension = SpendingLimits(
        call: Amount(micros: 200_000_000), hour: Amount(micros: 300_000_000),
        day: Amount(micros: 1_000_000_000))
    /// Of every account, those that many extensions share among them.
    public var ofAccount = SpendingLimits(
        call: Amount(micros: 200_000_000), hour: Amount(micros: 5_000_000_000),
        day: Amount(micros: 20_000_000_000))

    public init() {}

    public static let off: SpendingSettings = {
        var settings = SpendingSettings()
        settings.ofExtension = .none
        settings.ofAccount = .none
        return settings
    }()
}

/// Every table has a limit with a name. Reached, it refuses the newcomer with 503 and counts it.
public struct Limits: Sendable, Hashable {
    public var calls = 60_000
    public var bindings = 200_000
    public var transactions = 500_000
    public var extensions = 100_000
    public var accounts = 200_000
    /// Phones that watch an extension, all together and of one extension.
    public var subscriptions = 200_000
    public var subscriptionsOfExtension = 200
    /// Texts that may be on their way to phones, and the bytes of one (RFC 3428 §8).
    public var texts = 10_000
    public var textBytes = 1300
    /// Texts of one extension that proved its password: so many a minute in the long run, and
    /// `burstOfTexts` at once. Each of them makes every phone of somebody ring a bell.
    public var textsOfExtension = 60
    public var burstOfTexts = 200
    /// Bytes of what is dialled: the user part of the Request-URI, of Refer-To, and of the To that an
    /// operator calls us by. It stands in the record and, several times, in its explanation.
    public var dialledBytes = 128
    /// Server transactions of one address (in IPv6 of a /64) that is neither a trunk's nor our own, so
    /// that no peer fills the table for all others.
    public var transactionsOfAddress = 50_000
    /// New requests of one extension that proved its password (calls, registrations, subscriptions,
    /// texts): so many a second in the long run, and `burstOfExtension` at once.
    public var requestsOfExtension = 50
    public var burstOfExtension = 1_000
    /// Route alternatives that one call may try.
    public var attempts = 8
    /// How often one call may be sent on, by users and by the plan.
    public var diversions = 8
    /// Phones that may be rung for one call, one after another and at once.
    public var rings = 100
    /// Commits that may wait for the disk; beyond it, paid calls are refused with 503, and beyond
    /// twice as many all calls but those to emergency numbers.
    public var waitingCommits = 100_000
    /// How long the disk may say nothing while commits wait; then paid calls are refused with 503.
    public var storeSilence: Instant.Span = .seconds(2)
    /// How long the answer of a paid call waits for the disk; then the call is refused.
    public var paidAnswerPatience: Instant.Span = .seconds(3)
    /// The same of a free call; then it goes on unwritten.
    public var freeAnswerPatience: Instant.Span = .milliseconds(250)
    /// How long an operator's change, or that of a feature code, waits for the disk until it is said
    /// that it is not known yet.
    public var replyPatience: Instant.Span = .seconds(10)

    public init() {}
}
