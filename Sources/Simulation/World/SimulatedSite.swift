import Charging
import Dialplan
import SIP
import Switching

/// The site that is simulated: its dialplan, prices, extensions, accounts and gateways.
///
/// Every dialled number begins with a serial of the call, which the dialplan takes off, so that a
/// record on the disk and a call on the wire are matched without asking the code under test.
struct SimulatedSite: Sendable {
    /// Extensions 8000 up to this many more.
    static let phones = 10
    static let serialDigits = 6

    static let own = Endpoint(ip: IPAddress(v4: 0xc000_0201), port: 5060)
    static let e1 = Endpoint(ip: IPAddress(v4: 0xc633_6401), port: 5060)
    static let pstn = Endpoint(ip: IPAddress(v4: 0xc633_6402), port: 5060)

    /// Where the network shows a phone at first.
    static func phone(_ index: Int) -> Endpoint {
        Endpoint(ip: IPAddress(v4: 0xcb00_7101 + UInt32(index)), port: 40_000 + UInt16(index))
    }

    private static let planHead = """
        site headquarters { country 86  area 0311  timezone Asia/Shanghai }
        extensions 8000-8099
        normalise { 7XXXXXX. -> drop 7 }
        class local          [2-6]XXXXXXX
        class mobile         1[3-9]XXXXXXXXX
        class national       0[1-9]XXXXXXXX.
        class international  00[1-9]XXXXXX.
        level house    may internal
        level city     may house + local mobile
        level country  may city + national
        level world    may country + international
        line 66778000-66778099 rings 8000-8099
        group all 8000-8009
        feature balance         *100
        feature do-not-disturb  on *78  off *79
        feature redeem          *99*{code}
        feature park            *85{code}
        feature retrieve        *86{code}

        """

    private static let plans = [
        planHead + """
            route local                 via line, pstn
            route mobile national       via ip-e1, line, pstn  present +86311{line}  send e164
            route international         via ip-e1              present +86311{line}  send e164
            rule short { from 8001  limit 60s }
            """,
        planHead + """
            route local                 via pstn, line
            route mobile national       via pstn, ip-e1        present +86311{line}  send e164
            route international         via ip-e1, pstn        present +86311{line}  send e164
            rule short { from 8001 8002 8004  limit 40s }
            """,
    ]

    /// Milliseconds that a call of these may last at most, by dialplan.
    static let limits: [[String: Int64]] = [
        ["8001": 60_000], ["8001": 40_000, "8002": 40_000, "8004": 40_000],
    ]

    static let books = [PriceBook.first, PriceBook.second]

    /// Compiled once for all seeds of a process: they are values.
    static let compiledPlans: [Plan] = plans.map { text in
        let compiled = Plan.compile(
            PlanSources(main: SourceFile(path: "simulated.dialplan", text: text)),
            context: PlanContext(trunks: [
                .init(name: "ip-e1", isE1: true), .init(name: "pstn", isE1: false),
            ]))
        guard let plan = compiled.plan else {
            preconditionFailure("the simulated dialplan: \(compiled.diagnostics)")
        }
        return plan
    }

    static let tariffs: [Tariff] = books.map { book in
        let parsed = Tariff.parse(csv: Array(book.csv.utf8), file: "simulated.csv")
        guard let tariff = parsed.tariff else {
            preconditionFailure("the simulated tariff: \(parsed.diagnostics)")
        }
        return tariff
    }

    /// Alike on both sides, and nothing like a hash.
    static let hashes: HashFunctions = {
        @Sendable func mix(_ bytes: [UInt8], _ count: Int, _ salt: UInt64) -> [UInt8] {
            var digest = Digest()
            digest.add(salt)
            digest.add(bytes)
            return (0..<count).map { place in
                digest.add(UInt64(place))
                return UInt8(truncatingIfNeeded: digest.value >> 24)
            }
        }
        return HashFunctions(
            md5: { mix($0, 16, 1) }, sha256: { mix($0, 32, 2) }, sha512t256: { mix($0, 32, 3) })
    }()

    static func number(_ index: Int) -> String { String(8000 + index) }
    static func password(_ index: Int) -> String { "secret-\(index)" }

    /// Made once: three hashes for each phone and seed would be most of a short run.
    private static let secrets: [StoredSecret] = (0..<phones).map { index in
        StoredSecret(
            username: number(index), realm: "example.com", password: password(index),
            hashes: hashes)
    }

    // MARK: Drawn for a seed

    var settings: Settings
    var accounts: [Account] = []
    var extensions: [Extension] = []
    var plan = 0
    var book = 0
    /// By extension: where its calls are sent on to.
    var forwards: [String: Forward] = [:]

    /// By which name each gateway is reached inside its calls; empty where they say addresses.
    var gatewayNames: [GatewayName] = []
    /// The place that nobody is at says nothing at all; otherwise its kernel refuses what comes.
    var isNobodySilent = false

    /// A name in the Contact or the Record-Route of a gateway.
    struct GatewayName: Sendable {
        var host: String
        /// It stands in Record-Route.
        var isRoute: Bool
        /// The gateway's other address.
        var inner: Endpoint
        /// What it stands for, the best first.
        var places: [Endpoint]
        /// What belongs to its calls is taken by its other address alone.
        var isDeaf: Bool
    }

    /// Nobody is there.
    static let nobody = Endpoint(ip: IPAddress(v4: 0xc633_6463), port: 5060)

    /// What an extension's user has set. Each has a number of its own, so that a number on the wire
    /// says whose forwarding it was.
    struct Forward: Sendable {
        enum When: Sendable { case always, busy, noAnswer }

        var when: When
        var number: String
    }

    init(seed: UInt64, faults: Faults) {
        var chance = Chance(seed: seed, stream: .site)
        settings = Settings(
            realm: "example.com",
            listeners: [
                ListenerSettings(
                    transport: .udp, bound: Self.own, advertisedHost: "192.0.2.1",
                    advertisedPort: 5060)
            ])
        var e1 = TrunkSettings(name: "ip-e1", kind: .e1, endpoint: Self.e1, channels: 30)
        var pstn = TrunkSettings(name: "pstn", kind: .sip, endpoint: Self.pstn, channels: 100)
        if faults.contains(.smallTables) {
            e1.channels = chance.number(in: 1...4)
            pstn.channels = chance.number(in: 1...4)
            settings.limits.calls = chance.number(in: 2...8)
            settings.limits.transactions = chance.number(in: 10...60)
            settings.limits.bindings = chance.number(in: 3...12)
            settings.limits.waitingCommits = chance.number(in: 2...20)
        }
        settings.trunks = [e1, pstn]
        settings.lineGateway = "pstn"
        settings.calls.noAnswer = .seconds(chance.number(in: 10...40))
        if faults.contains(.shortSlices) {
            settings.calls.slice = .seconds(chance.number(in: 1...12))
            settings.calls.extendAhead = .milliseconds(chance.number(in: 0...3000))
        }
        makeAccounts(&chance, faults)
        for index in 0..<Self.phones {
            let account = ["a", "a", "a", "b", "b", "c", "d", "e", "z"]
            extensions.append(
                Extension(
                    number: Self.number(index), name: "Phone \(index)",
                    secret: Self.secrets[index], realm: "example.com",
                    level: index == 9 ? "house" : "world",
                    account: faults.contains(.oneAccount) ? "a" : account[index % account.count],
                    callLimit: chance.number(in: 1...3)))
        }
        if faults.contains(.forwarding) { makeForwards(&chance) }
        if faults.contains(.vanishing) || faults.contains(.reboots) {
            settings.calls.aliveCheck = .seconds(chance.number(in: 5...20))
            // Where nobody is asked, a dead phone's call ends with the session that it refreshed.
            if faults.contains(.sessionTimers), chance.happens(permille: 400) {
                settings.calls.aliveCheck = .zero
            }
        }
        if faults.contains(.gatewayNames) { nameGateways(seed: seed) }
        if faults.contains(.parking) {
            settings.calls.parkRecall = .seconds(chance.number(in: 2...30))
        }
    }

    /// From a stream of its own: all else stays as it is without names.
    private mutating func nameGateways(seed: UInt64) {
        var chance = Chance(seed: seed, stream: .site, index: 1)
        isNobodySilent = chance.happens(permille: 500)
        for (place, own) in [Self.e1, Self.pstn].enumerated() {
            let inner = Endpoint(ip: IPAddress(v4: 0xc633_640b + UInt32(place)), port: 5060)
            let places = chance.pick([
                [own], [inner], [Self.nobody, inner], [Self.nobody, own],
                [Self.nobody, inner, own], [],
            ])
            gatewayNames.append(
                GatewayName(
                    host: "node\(place).gateways.example", isRoute: chance.happens(permille: 300),
                    inner: inner, places: places,
                    isDeaf: places.contains(inner) && !places.contains(own)))
        }
    }

    /// Of extensions that no rule limits, so that the length of their calls is theirs to pay.
    private mutating func makeForwards(_ chance: inout Chance) {
        for index in [3, 5, 6, 7] where chance.happens(permille: 600) {
            forwards[Self.number(index)] = Forward(
                when: chance.pick([.always, .busy, .noAnswer, .noAnswer]),
                number: "2990000\(index)")
        }
    }

    /// As they are stored.
    var userSettings: [String: UserSettings] {
        forwards.mapValues { forward in
            var settings = UserSettings()
            switch forward.when {
            case .always: settings.forwardAlways = forward.number
            case .busy: settings.forwardBusy = forward.number
            case .noAnswer: settings.forwardNoAnswer = forward.number
            }
            return settings
        }
    }

    /// The extension whose calls go to a number outside.
    func forwarder(to number: String) -> String? {
        forwards.keys.sorted().first { forwards[$0]?.number == number }
    }

    func account(of number: String) -> String? {
        extensions.first { $0.number == number }?.account
    }

    func callLimit(of number: String) -> Int? {
        extensions.first { $0.number == number }?.callLimit
    }

    /// A chain of three over `a` and `b`, prepaid `c`, postpaid `d` and `e`, and empty `z`.
    private mutating func makeAccounts(_ chance: inout Chance, _ faults: Faults) {
        func money(_ chance: inout Chance, _ rich: Int) -> Amount {
            // With a remainder that no step divides.
            let micros = faults.contains(.nearZero) ? chance.below(2_500_000) : rich * 1_000_000
            return Amount(micros: Int64(micros) + Int64(chance.below(1000)))
        }
        accounts = [
            Account(
                id: "firm", name: "Firm", kind: .postpaid, creditLimit: money(&chance, 300),
                balance: money(&chance, 200)),
            Account(
                id: "hall", name: "Hall", parent: "firm", balance: money(&chance, 150)),
            Account(id: "a", name: "A", parent: "hall", balance: money(&chance, 100)),
            Account(id: "b", name: "B", parent: "firm", balance: money(&chance, 60)),
            Account(id: "c", name: "C", balance: money(&chance, 40)),
            Account(
                id: "d", name: "D", kind: .postpaid, creditLimit: money(&chance, 30),
                balance: .zero),
            Account(
                id: "e", name: "E", kind: .postpaid, creditLimit: money(&chance, 5),
                balance: money(&chance, 5)),
            Account(id: "z", name: "Z"),
        ]
    }

    /// Of an account and those that pay along.
    func chain(of account: String) -> [String] {
        var chain: [String] = []
        var next: String? = account
        while let id = next {
            chain.append(id)
            next = accounts.first { $0.id == id }?.parent
        }
        return chain
    }

    var configuration: Configuration {
        Configuration(settings: settings, plan: Self.compiledPlans[plan])
    }
}
