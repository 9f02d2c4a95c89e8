import Charging
import Dialplan
import SIP

/// The whole switch as one value: calls, legs, registrar, lines, trunks, money.
///
/// `handle` is the one verb. It is pure: the same events in the same order with the same readings of
/// the clock give the same actions, byte for byte, since the token generator's seed is handed in too.
///
/// The route of a call through the files: `Switch+Receiving` finds the transaction, `Switch+Callers`
/// who it is, `Switch+Invite` where it goes, `Switch+Attempts` tries one way after another,
/// `Switch+Answer` connects and charges, `Switch+InDialog` passes what the legs say to each other,
/// `Switch+Ending` settles and records.
///
/// It is never copied: a copy held for the length of a method would make the next change of any of
/// its tables copy that table.
public struct Switch: ~Copyable, Sendable {
    // MARK: What it was given

    var settings: Settings
    var plan: Plan
    let hashes: HashFunctions
    var tokens: TokenGenerator
    var challenger: DigestChallenger
    private let nonceKey: [UInt8]
    var listenerTexts: [ListenerText]
    var wallClock: WallClock

    // MARK: What it remembers

    var tariffs: TariffBook
    var ledger: Ledger
    var extensions: [String: Extension]
    /// By extension; those that have nothing set are missing.
    var userSettings: [String: UserSettings]
    var registrar = Registrar()
    var trunks: [String: Trunk] = [:]
    /// Of trunks that a reload has taken away under calls, as long as there are some.
    var channelsOfGone: [String: Channels] = [:]
    var areChannelsCounted = false
    /// Whose requests come from where; port 0 stands for any port.
    var trunkOfEndpoint: [Endpoint: String] = [:]
    /// Whose registration a number in our Contact stands for.
    var trunkOfContact: [UInt64: String] = [:]
    var lineGateways = LineGateways([])
    /// Names by which gateways are reached inside their calls.
    var nextHopNames = NextHopNames()
    /// How many places of the settings have deadlines of their own.
    var trunkSlots = 0

    // MARK: What is under way

    var calls = Slab<Call>()
    var callHandles: [CallID: Handle] = [:]
    /// By our tag in the leg's dialog.
    var legs: [UInt64: LegReference] = [:]
    /// Tags of legs whose call is over, oldest first.
    var retiredTags = Queue<(until: Instant, tag: UInt64)>()
    /// Where callees were invited whose calls are over, by their tags among these.
    var retiredPlaces: [UInt64: IPAddress] = [:]
    /// By Call-ID and From tag of the caller's INVITE, to know a merged request (RFC 3261 §8.2.2.2).
    var origins: [Origin: Handle] = [:]
    /// INVITEs of calls that are over, by their CSeq, and in the order in which they are forgotten.
    var finishedInvites: [Origin: FinishedInvite] = [:]
    var finishedOrder = Queue<(until: Instant, origin: Origin, cseq: UInt32)>()
    var linesInUse: [String: CallID] = [:]
    /// Calls that wait to be fetched, by the place as it is dialled.
    var parkedCalls: [String: Handle] = [:]
    /// By extension; those that are in no call are missing.
    var callsOfExtension: [String: CallCount] = [:]
    /// Calls that ring at an extension, the longest first.
    var ringing: [String: [Handle]] = [:]
    /// Phones that watch extensions; by our tag, by the watched extension, and by that which watches.
    var subscriptions = Slab<Subscription>()
    var subscriptionHandles: [UInt64: Handle] = [:]
    var watchers: [String: [Handle]] = [:]
    var subscriptionsOfWatcher: [String: [Handle]] = [:]
    /// Texts on their way to phones.
    var forks = Slab<Fork>()
    /// What waits in mailboxes, as their server has said last; by extension.
    var summaries: [String: MessageSummary] = [:]
    /// Our subscriptions at the mailbox server; by extension and by our tag.
    var mailboxes = Slab<MailboxSubscription>()
    var mailboxHandles: [String: Handle] = [:]
    var mailboxTags: [UInt64: Handle] = [:]
    /// When the last answered call of an extension ended.
    var idleSince: [String: Instant] = [:]
    /// By extension; only those that dialled a wrong voucher since their last good one.
    var voucherGuesses: [String: VoucherGuesses] = [:]
    /// Who was rung first at the last call of a round robin.
    var lastRung: [GroupStage: String] = [:]
    var clients = Slab<ClientEntry>()
    var clientHandles: [ClientEntry.Key: Handle] = [:]
    var servers = Slab<ServerEntry>()
    var serverHandles: [TransactionKey: Handle] = [:]
    /// How many of the server transactions each address has.
    var serversOfAddress: [IPAddress: Int] = [:]
    /// What each extension has asked for lately.
    var requestRates = RequestRates()
    /// How many texts each has sent lately.
    var textRates = RequestRates()
    /// Where requests of ours wait for an answer.
    var askedPlaces: AskedPlaces
    /// The From tag of OPTIONS that keep flows of phones open, from the first of them on: what answers
    /// them is known by it.
    var keepAliveTag: UInt64?
    /// Connections that something has come by and that are open.
    var connections = Connections()
    /// Places that took no connection for a large request, and until when that is remembered.
    var datagramsOnly: [Endpoint: Instant] = [:]
    var deadlines = DeadlineQueue<DeadlineKey>()
    /// Who behaves like a scanner, and who is never taken for one.
    var bans = Bans()
    var trustedAddresses: Set<IPAddress> = []
    var trustedNetworks: Set<IPAddress> = []
    var usedNonces: UsedNonces
    /// Phones that are asked for their password by MD5 alone.
    var plainDigests = PlainDigests()
    /// Phones that may have lost their calls, by extension: where they spoke from, and where they are.
    var restartedPhones: [String: [Flow: Flow]] = [:]
    /// Whether newcomers are turned away, since the loop is behind.
    var overload = Overload()
    /// How much is read of each source while the loop is behind.
    var shares = Shares()

    /// No new calls but those to emergency numbers: the admin wants to stop the process. Those that are
    /// under way go on. Ends with the process.
    var isDraining = false

    // MARK: What waits for the disk

    /// The last commit handed to the store, and the last that is durable.
    var lastTicket = CommitTicket(rawValue: 0)
    var durableTicket = CommitTicket(rawValue: 0)
    /// Calls whose 200 waits, in the order of their tickets.
    var answering = Queue<(ticket: CommitTicket, call: Handle)>()
    /// Requests to hang up whose 200 waits, in the order of their tickets.
    var goodbyes = Queue<(ticket: CommitTicket, server: Handle)>()
    /// Refusals of INVITEs whose answer was handed to the disk before, in the order of their tickets.
    var withheld = Queue<WithheldRefusal>()
    /// Transferors that have left, and hear of it then.
    var partings = Queue<(ticket: CommitTicket, parting: Parting)>()
    /// What users are told of their feature codes, in the order of the tickets.
    var featureAnswers = Queue<FeatureAnswer>()
    /// Control replies that wait, in the order of their tickets.
    var waitingReplies = Queue<WaitingReply>()
    /// Why the store takes nothing at the moment; nil while it does.
    var storeFailure: String?

    /// Since when commits wait and none became durable; nil while none waits.
    var waitingSince: Instant?

    // MARK: Counts

    let start: UInt32
    /// Which run of the monotonic clock this is; see `StoredState.boot`.
    let boot: UInt64
    var lastCallNumber: UInt32 = 0
    var lastSequence: UInt64
    let startedAt: Instant
    var counters = Counters()

    // MARK: The turn

    /// The one reading of the clock of this turn.
    var now: Instant
    /// What this turn decides; the caller's list, for the length of the turn.
    var actions = ActionList()

    /// A call by what its caller's side made up for it; see `origin(callID:fromTag:)`.
    struct Origin: Hashable, Sendable {
        var callID: [UInt8]
        var fromTag: [UInt8]
    }

    /// - Parameters:
    ///   - stored: what the disk held. It must be sound: accounts that do not fit together throw.
    ///   - resumesCalls: takes up the calls that were under way when the last daemon ended: answered
    ///     ones go on, as long as they are paid; the others are ended on both legs and recorded.
    ///     Without it (data commands while no daemon runs) their money stays held and they are left
    ///     for the daemon.
    ///   - seed: 32 bytes from the system's random source.
    ///   - actions: receives what follows from the start itself.
    public init(
        configuration: Configuration, stored: StoredState, hashes: HashFunctions, seed: [UInt8],
        wallClock: WallClock, now: Instant, resumesCalls: Bool = true,
        into actions: inout ActionList
    ) throws(Ledger.RestoreError) {
        settings = configuration.settings
        plan = configuration.plan
        self.hashes = hashes
        self.wallClock = wallClock
        var tokens = TokenGenerator(seed: seed)
        var nonceKey: [UInt8] = []
        for _ in 0..<4 {
            let number = tokens.next()
            for shift in stride(from: 0, to: 64, by: 8) {
                nonceKey.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
            }
        }
        self.tokens = tokens
        self.nonceKey = nonceKey
        challenger = Self.challenger(configuration.settings, key: nonceKey, hashes: hashes)
        listenerTexts = configuration.settings.listeners.map(ListenerText.init)
        tariffs = stored.tariffs
        ledger = try Self.ledger(stored)
        extensions = Dictionary(
            stored.extensions.map { ($0.number, $0) }, uniquingKeysWith: { _, last in last })
        userSettings = stored.userSettings
        start = stored.start
        boot = stored.boot
        lastSequence = stored.lastSequence
        startedAt = now
        usedNonces = UsedNonces(now: now)
        askedPlaces = AskedPlaces(secret: nonceKey)
        self.now = now

        swap(&self.actions, &actions)
        restoreSpending(stored)
        for binding in stored.bindings {
            registrar.restore(binding)
            if binding.isAskedByMD5Alone { plainDigests.restore(binding) }
        }
        spreadKeepAlives()
        restore(stored.summaries)
        if resumesCalls {
            resume(stored.runningCalls)
            restore(stored.subscriptions)
        }
        applyTrunks()
        deadlines.set(DeadlineKey(kind: .housekeeping, slot: 0), at: now + .seconds(60))
        swap(&self.actions, &actions)
    }

    static func challenger(
        _ settings: Settings, key: [UInt8], hashes: HashFunctions
    ) -> DigestChallenger {
        DigestChallenger(
            realm: settings.realm, key: key, lifetime: settings.nonceLifetime,
            algorithms: settings.digestAlgorithms, hashes: hashes)
    }

    /// When `deadlineReached` is next due; `distantFuture` when nothing waits.
    public var nextDeadline: Instant { deadlines.next ?? .distantFuture }

    /// Takes one event and appends what follows from it. Never blocks; its cost is that of the event,
    /// whatever the number of calls.
    public mutating func handle(_ event: Event, now: Instant, into actions: inout ActionList) {
        self.now = now
        swap(&self.actions, &actions)
        switch event {
        case .datagramReceived(let datagram): receive(datagram)
        case .keepAliveReceived(let flow): registrar.keptFlows.heard(on: flow, now: now)
        case .transportFailed(let flow): transportFailed(flow)
        case .undelivered(let quote): undelivered(quote)
        case .connectionClosed(let closed): connectionClosed(closed)
        case .connectionCertified(let flow, let names): connections.certified(flow, names)
        case .loopMeasured(let delay): loopMeasured(delay)
        case .deadlineReached: deadlinesReached()
        case .committed(let ticket): committed(through: ticket)
        case .commitFailed(let ticket, let reason): commitFailed(through: ticket, reason: reason)
        case .requested(let request, let token): requested(request, by: token)
        case .configured(let configuration): configure(configuration)
        case .tariffReplaced(let tariffs):
            self.tariffs = tariffs
            log(.notice, "there are \(tariffs.count) price lists now")
        case .spanRead(let trunk, let reading): spanRead(reading, trunk: trunk)
        case .trunkResolved(let resolution): resolved(resolution)
        case .nextHopResolved(let resolution): resolved(resolution)
        case .stopping: leaveOperators()
        case .wallClockRead(let clock): wallClockRead(clock)
        }
        announceBans()
        swap(&self.actions, &actions)
    }

    private mutating func configure(_ configuration: Configuration) {
        let keepAlive = settings.registration.keepAlive
        settings = configuration.settings
        if settings.registration.keepAlive != keepAlive { spreadKeepAlives() }
        plan = configuration.plan
        challenger = Self.challenger(settings, key: nonceKey, hashes: hashes)
        listenerTexts = settings.listeners.map(ListenerText.init)
        applyTrunks()
        applyMoneyLimits()
        log(.notice, "dialplan \(plan.version) is in force; calls under way keep their decision")
    }

    /// A clock that was set shortens and lengthens no registration and no subscription, also not those that
    /// the next process finds.
    private mutating func wallClockRead(_ clock: WallClock) {
        let step = clock.microseconds(at: now) - wallTime
        wallClock = clock
        guard abs(step) > Self.clockStep else { return }
        log(.warning, "the wall clock was set by \(step / 1_000_000) s; no call is changed by that")
        commit(registrar.shift(by: step) + subscriptions.handles.map { saved($0) })
    }

    /// Below it the clock is being slewed, in microseconds.
    private static let clockStep: Int64 = 1_000_000

    // MARK: Small things that everything needs

    /// Commits that wait for the disk.
    var waitingCommits: Int { Int(lastTicket.rawValue - durableTicket.rawValue) }

    var wallTime: Int64 { wallClock.microseconds(at: now) }

    mutating func log(_ level: LogEntry.Level, call: CallID? = nil, _ message: String) {
        actions.logs.append(LogEntry(level, call: call, message))
    }

    mutating func send(_ bytes: [UInt8], on flow: Flow) {
        // What cannot leave would look like a fault of the way: all that waits there would fail with it.
        guard
            bytes.count
                <= (flow.transport.isReliable ? MessageLimits.bytes : MessageLimits.datagramBytes)
        else {
            counters.count("messages-too-large")
            return
        }
        actions.sends.append(Outgoing(flow: flow, bytes: bytes))
    }

    /// Hands changes to the store: together or not at all.
    @discardableResult
    mutating func commit(_ changes: [StoredChange]) -> CommitTicket {
        guard !changes.isEmpty else { return lastTicket }
        if waitingCommits == 0 { waitingSince = now }
        lastTicket = CommitTicket(rawValue: lastTicket.rawValue + 1)
        actions.commits.append(Commit(ticket: lastTicket, changes: changes))
        return lastTicket
    }
}
