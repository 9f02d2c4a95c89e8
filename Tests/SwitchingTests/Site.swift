import Charging
import Dialplan
import SIP
import Testing

@testable import Switching

/// A switch in a world of values: a clock that moves only when told, phones and gateways that are
/// addresses, a disk that is durable at once or when told.
struct Site {
    static let plan = """
        site headquarters { country 86  area 0311  timezone Asia/Shanghai }
        extensions 8000-8099
        normalise {
            0311[2-8]XXXXXXX -> drop 4
            01[3-9]XXXXXXXXX -> drop 1
            179XX. -> drop 5
        }
        class local          [2-8]XXXXXXX
        class mobile         1[3-9]XXXXXXXXX
        class national       0[1-9]XXXXXXXX.
        level house    may internal
        level city     may house + local mobile
        level country  may city + national
        route local            via line, pstn
        route mobile national  via ip-e1, line, pstn  present +86311{line}  send e164
        line 66778000-66778099 rings 8000-8099
        """

    /// What a plan has as `branch.dialplan` that includes it: another site.
    static let branchPlan = """
        site branch { country 86  area 0755  timezone Asia/Shanghai }
        extensions 9000-9009
        class local [2-8]XXXXXXX
        class far   0[1-9]XXXXXXXX.
        level desk may internal + local + far
        route local far via pstn  present +86755{line}
        line 26778000-26778009 rings 9000-9009
        """

    static let tariff = """
        prefix,name,connect_fee,steps
        2,local,0,0.22/180 0.11/60
        6,local,0,0.22/180 0.11/60
        8,local,0,0.22/180 0.11/60
        0,national,0,0.07/6
        1,mobile,0.10,0.07/6
        """

    static let own = Endpoint(text: "127.0.0.1:5060")
    static let e1 = Endpoint(text: "127.0.0.1:5070")
    static let pstn = Endpoint(text: "127.0.0.1:5080")

    var sw: ObservedSwitch
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What the switch sent and nobody has looked at yet, by where it was sent.
    var inbox: [Endpoint: [Message]] = [:]
    var commits: [Commit] = []
    var replies: [ControlReply] = []
    var logs: [String] = []
    /// Names that the switch wants to be asked for.
    var lookUps: [NextHopQuery] = []
    /// What the holder of the connections was told.
    var notices: [ConnectionNotice] = []
    /// By which flow each message went, and by which those come that do not come by UDP.
    var sentOn: [Flow] = []
    var streams: [Endpoint: Flow] = [:]
    /// When false, commits stay where they are until `settle`.
    var diskIsQuick = true
    var lastDurable: UInt64 = 0
    /// What the disk held at the last start, and what was committed before it.
    var disk: StoredState
    var earlierCommits: [Commit] = []
    let settings: Settings
    let planText: String

    static func settings() -> Settings {
        let listener = ListenerSettings(
            transport: .udp, bound: own, advertisedHost: "127.0.0.1", advertisedPort: 5060)
        var settings = Settings(realm: "example.com", listeners: [listener])
        var ipE1 = TrunkSettings(name: "ip-e1", kind: .e1, endpoint: e1, channels: 30)
        var pstn = TrunkSettings(name: "pstn", kind: .sip, endpoint: Site.pstn, channels: 100)
        // Probes and checks are switched on where a test is about them.
        ipE1.optionsInterval = .zero
        pstn.optionsInterval = .zero
        settings.trunks = [ipE1, pstn]
        settings.lineGateway = "pstn"
        settings.calls.aliveCheck = .zero
        return settings
    }

    /// Nothing like a hash, but alike on both sides; the real ones are the shell's.
    static let hashes: HashFunctions = {
        @Sendable func mix(_ bytes: [UInt8], _ count: Int, _ salt: UInt64) -> [UInt8] {
            var state: UInt64 = 0xcbf2_9ce4_8422_2325 &+ salt
            for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
            return (0..<count).map { place in
                state = (state ^ UInt64(place)) &* 0x0000_0100_0000_01b3
                return UInt8(truncatingIfNeeded: state >> 32)
            }
        }
        return HashFunctions(
            md5: { mix($0, 16, 1) }, sha256: { mix($0, 32, 2) }, sha512t256: { mix($0, 32, 3) })
    }()

    static func compiledPlan(_ text: String = plan) throws -> Plan {
        let compiled = Plan.compile(
            PlanSources(
                main: SourceFile(path: "test.dialplan", text: text),
                included: ["branch.dialplan": branchPlan]),
            context: PlanContext(trunks: [
                .init(name: "ip-e1", isE1: true), .init(name: "pstn", isE1: false),
                .init(name: "voicemail", isE1: false),
            ]))
        return try #require(compiled.plan, "\(compiled.diagnostics)")
    }

    /// Extensions 8001 to 8005 of level country, each paying from the account `a`; 8009 has the lowest
    /// level and the empty account `zero`.
    static func stored(balance: String = "100") throws -> StoredState {
        var stored = StoredState(tariff: try tariffValue())
        stored.accounts = [
            Account(id: "a", name: "A", balance: try #require(Amount(balance))),
            Account(id: "zero", name: "Zero"),
        ]
        for number in 8001...8005 {
            stored.extensions.append(subscriber("\(number)", level: "country", account: "a"))
        }
        stored.extensions.append(subscriber("8009", level: "house", account: "zero"))
        return stored
    }

    static func tariffValue() throws -> Tariff {
        let parsed = Tariff.parse(csv: Array(tariff.utf8), file: "tariff.csv")
        return try #require(parsed.tariff, "\(parsed.diagnostics)")
    }

    static func subscriber(_ number: String, level: String, account: String?) -> Extension {
        Extension(
            number: number, name: "Phone \(number)",
            secret: StoredSecret(
                username: number, realm: "example.com", password: "secret\(number)",
                hashes: hashes),
            realm: "example.com", level: level, account: account, callLimit: 1)
    }

    init(
        balance: String = "100", settings: Settings = settings(), plan: String = Site.plan,
        change: (inout StoredState) -> Void = { _ in }
    ) throws {
        var stored = try Self.stored(balance: balance)
        change(&stored)
        try self.init(stored: stored, settings: settings, plan: plan)
    }

    init(stored: StoredState, settings: Settings, plan: String = Site.plan) throws {
        disk = stored
        self.settings = settings
        planText = plan
        var actions = ActionList()
        sw = ObservedSwitch(
            try Switch(
                configuration: Configuration(
                    settings: settings, plan: try Self.compiledPlan(plan)),
                stored: stored, hashes: Self.hashes, seed: Array(repeating: 7, count: 32),
                wallClock: WallClock(
                    instant: now, unixMicroseconds: 1_800_000_000_000_000, utcOffset: 28_800),
                now: now, into: &actions))
        take(actions)
    }

    // MARK: What happens

    mutating func handle(_ event: Event) {
        var actions = ActionList()
        sw.handle(event, now: now, into: &actions)
        take(actions)
    }

    mutating func take(_ actions: ActionList) {
        for sent in actions.sends {
            sentOn.append(sent.flow)
            do {
                inbox[sent.flow.remote, default: []].append(try Message(parsing: sent.bytes))
            } catch {
                Issue.record("the switch sent what is no SIP: \(error)")
            }
        }
        commits += actions.commits
        replies += actions.replies.map(\.reply)
        logs += actions.logs.map(\.message)
        lookUps += actions.lookUps
        notices += actions.notices
        if diskIsQuick { settle() }
    }

    /// All that was committed becomes durable.
    mutating func settle() {
        guard let last = commits.last, last.ticket.rawValue > lastDurable else { return }
        lastDurable = last.ticket.rawValue
        handle(.committed(through: last.ticket))
    }

    mutating func deliver(_ text: String, from endpoint: Endpoint) {
        let flow =
            streams[endpoint] ?? Flow(transport: .udp, listener: 0, remote: endpoint)
        let bytes = Array(text.replacing("\n", with: "\r\n").utf8)
        handle(.datagramReceived(Datagram(flow: flow, bytes: bytes)))
    }

    /// Moves the clock, stopping at every deadline on the way.
    mutating func pass(_ span: Instant.Span) {
        let end = now + span
        while sw.nextDeadline <= end {
            now = max(now, sw.nextDeadline)
            handle(.deadlineReached)
        }
        now = end
    }

    mutating func request(_ request: ControlRequest) -> ControlReply? {
        replies = []
        handle(.requested(request, by: ControlToken(rawValue: 1)))
        return replies.first
    }

    // MARK: What was said

    /// Takes the next message to an endpoint, which has to be there.
    mutating func next(
        _ endpoint: Endpoint, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Message {
        let message = inbox[endpoint]?.first
        if message != nil { inbox[endpoint]?.removeFirst() }
        return try #require(
            message, "nothing was sent to \(endpoint)", sourceLocation: sourceLocation)
    }

    /// Takes all messages to an endpoint.
    mutating func all(_ endpoint: Endpoint) -> [Message] {
        inbox.removeValue(forKey: endpoint) ?? []
    }

    /// By which flows anything went to an endpoint.
    func flows(to endpoint: Endpoint) -> Set<Flow> {
        Set(sentOn.filter { $0.remote == endpoint })
    }

    /// Statuses and methods of all messages to an endpoint, in order: `100 180 200`, `INVITE BYE`.
    mutating func said(_ endpoint: Endpoint) -> String {
        all(endpoint).map { $0.isRequest ? $0.method.name : "\($0.status)" }.joined(separator: " ")
    }

    var records: [CallRecord] {
        (earlierCommits + commits).flatMap(\.changes).compactMap { change in
            if case .callClosed(let record) = change { record } else { nil }
        }
    }

    var postings: [Posting] {
        (earlierCommits + commits).flatMap(\.changes).compactMap { change in
            if case .posted(let posting) = change { posting } else { nil }
        }
    }

    /// Of answered calls.
    var journals: [RunningCall] {
        commits.flatMap(\.changes).compactMap { change in
            guard case .callRunning(let running) = change, running.record.answeredAt != nil else {
                return nil
            }
            return running
        }
    }

    /// Whether nothing of any call is left but transactions that still linger.
    var isIdle: Bool {
        sw.calls.count == 0 && sw.linesInUse.isEmpty && sw.callsOfExtension.isEmpty
            && sw.ledger.reservationCount == 0 && sw.origins.isEmpty && sw.callHandles.isEmpty
            && sw.trunks.values.allSatisfy { $0.channelsInUse == 0 }
    }
}

extension Endpoint {
    /// For literals in tests.
    init(text: String) {
        let parts = text.split(separator: ":")
        let bytes = parts[0].split(separator: ".").compactMap { UInt32($0) }
        self.init(
            ip: IPAddress(v4: bytes.reduce(0) { $0 << 8 | $1 }), port: UInt16(parts[1]) ?? 0)
    }
}
