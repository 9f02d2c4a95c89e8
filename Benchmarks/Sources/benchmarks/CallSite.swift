import Charging
import Dialplan
import SIP
import Switching

/// A switch in memory, with phones and a gateway around it that are bytes.
///
/// Only what the switch itself does is metered: the turn, and giving back what it handed out. Phones
/// and gateway read and write between the turns. The clock moves only here, so that a run is the same
/// every time; what lingers of earlier calls lapses in it as it does in a daemon.
struct CallSite: ~Copyable {
    /// Calls that are placed together, as the calls of one tenth of a second.
    static let batch = 100
    /// Both directions, both sides, credentials with the first INVITE.
    static let datagramsOfCall = 14

    private(set) var meter = Meter()
    /// How many datagrams went in and out, and how many records were closed, of all calls so far.
    private(set) var datagrams = 0
    private(set) var records = 0
    /// What the disk would hold of the calls under way, when that is wanted.
    private(set) var journals: [CallID: RunningCall] = [:]
    var keepsJournals = false

    private var sw: Switch
    private var now = Instant(nanoseconds: 1_000_000_000)
    private var actions = ActionList()
    private var phones: [Phone]
    /// The next phone to call, of those that hold no call.
    private var nextPhone = 0
    private var heldPhones = 0
    private var callCount = 0

    /// What phones and gateway have to say next.
    private var outbox: [Datagram] = []
    private var invitesAtGateway: [Message] = []
    private var answersAtPhones: [(phone: Int, answer: Message)] = []

    private struct Phone {
        var number: String
        var flow: Flow
        var responder: DigestResponder

        /// A use of its nonce. The secret is that of the user `all`; only the name in the field is
        /// the phone's own.
        mutating func authorization() -> [UInt8] {
            guard
                let field = responder.credentials(
                    method: .invite, uri: CallSite.dialled.utf8, cnonce: Array("0a4f113b".utf8))
            else { fatalError("the challenge cannot be answered") }
            let text = String(decoding: field, as: UTF8.self)
                .replacing("username=\"all\"", with: "username=\"\(number)\"")
            return Array(text.utf8)
        }
    }

    private static let own = Endpoint(ip: IPAddress(v4: 0x7f00_0001), port: 5060)
    private static let gateway = Flow(
        transport: .udp, listener: 0,
        remote: Endpoint(ip: IPAddress(v4: 0x7f00_0001), port: 5070))
    private static let firstNumber = 600_000
    private static let firstAddress: UInt32 = 0x0a00_0001
    private static let realm = "tandem.local"
    private static let dialled = "sip:02088886666@tandem.local"
    private static let sdp = Array("application/sdp".utf8)[...]

    // MARK: Making one

    /// - Parameter extensions: how many, each with an account and a registered phone; 1,000 to 100,000.
    init(extensions count: Int) throws {
        let configuration = Self.configuration()
        var started = ActionList()
        sw = try Switch(
            configuration: configuration, stored: try Self.stored(count),
            hashes: CheapHashes.functions,
            seed: Array(repeating: 7, count: 32),
            wallClock: WallClock(
                instant: now, unixMicroseconds: 1_800_000_000_000_000, utcOffset: 28_800),
            now: now, into: &started)
        phones = Self.phones(count, challengedBy: &sw, now: now)
    }

    /// One E1 with room for every call.
    static func configuration() -> Configuration {
        var settings = Settings(
            realm: Self.realm,
            listeners: [
                ListenerSettings(
                    transport: .udp, bound: Self.own, advertisedHost: "127.0.0.1",
                    advertisedPort: 5060)
            ])
        var trunk = TrunkSettings(
            name: "ip-e1", kind: .e1, endpoint: Self.gateway.remote, channels: 100_000)
        trunk.optionsInterval = .zero
        settings.trunks = [trunk]
        settings.limits.calls = 100_000
        // One extension makes thousands of calls here.
        settings.spending = .off
        settings.nonceLifetime = .seconds(86_400)
        // Held calls ask for nothing more while others are measured.
        settings.calls.slice = .seconds(7200)
        // And are not asked whether they live: nobody answers for them here.
        settings.calls.aliveCheck = .zero
        return Configuration(settings: settings, plan: plan())
    }

    static func plan() -> Plan {
        DecisionCases.compile(
            PlanSources(
                main: SourceFile(
                    path: "calls.dialplan",
                    text: """
                        site headquarters { country 86  area 0311  timezone Asia/Shanghai }
                        extensions 600000-699999
                        normalise {
                            0311[2-8]XXXXXXX -> drop 4
                            01[3-9]XXXXXXXXX -> drop 1
                            179XX. -> drop 5
                        }
                        class local     [2-8]XXXXXXX
                        class mobile    1[3-9]XXXXXXXXX
                        class national  0[1-9]XXXXXXXX.
                        level country   may internal + local + mobile + national
                        route local     via pstn
                        route mobile national  via ip-e1, pstn  present +86311{line}  send e164
                        line 66700000-66799999 rings 600000-699999
                        """)))
    }

    static func stored(_ count: Int) throws -> StoredState {
        let tariff = try Tariff(rows: [
            TariffRow(
                prefix: "0", name: "national", connectFee: .zero,
                steps: [.init(seconds: 6, price: Amount(micros: 70_000))])
        ])
        var stored = StoredState(tariff: tariff)
        let secret = StoredSecret(
            username: "all", realm: realm, password: "secret", hashes: CheapHashes.functions)
        for place in 0..<count {
            let number = "\(firstNumber + place)"
            stored.accounts.append(
                Account(id: number, name: number, balance: Amount(micros: 1_000_000_000_000)))
            stored.extensions.append(
                Extension(
                    number: number, name: "Phone \(number)", secret: secret, realm: realm,
                    level: "country", account: number))
            stored.bindings.append(
                Binding(
                    number: number,
                    // Its own address: no NAT is between, which would have to be kept open.
                    contact: Array("sip:\(number)@\(flow(place).remote)".utf8),
                    flow: flow(place), expiresAt: 1_900_000_000_000_000,
                    callID: Array("registration-\(number)".utf8), cseq: 1,
                    userAgent: "Desk Phone 5.1"))
        }
        return stored
    }

    private static func flow(_ phone: Int) -> Flow {
        Flow(
            transport: .udp, listener: 0,
            remote: Endpoint(ip: IPAddress(v4: firstAddress + UInt32(phone)), port: 5060))
    }

    /// Every phone has asked for a nonce before, and brings new credentials with each INVITE.
    private static func phones(
        _ count: Int, challengedBy sw: inout Switch, now: Instant
    ) -> [Phone] {
        var actions = ActionList()
        return (0..<count).map { place in
            // A nonce is good at the address that it was given to.
            actions.removeAll()
            let plain = Datagram(flow: flow(place), bytes: Samples.invite)
            sw.handle(.datagramReceived(plain), now: now, into: &actions)
            let challenge = Samples.parse(actions.sends[0].bytes)
            precondition(challenge.status == 401, "a request without credentials is challenged")
            var responder = DigestResponder(
                username: "all", password: "secret", hashes: CheapHashes.functions)
            guard case .answer = responder.challenged(by: challenge.values(.wwwAuthenticate))
            else { fatalError("the challenge cannot be answered") }
            return Phone(
                number: "\(firstNumber + place)", flow: flow(place), responder: responder)
        }
    }

    // MARK: What happens

    /// Calls that are answered and stay, at an easy pace so that little of their transactions is left.
    mutating func hold(_ count: Int) {
        for _ in 0..<count / Self.batch {
            connect()
            answersAtPhones.removeAll(keepingCapacity: true)
            invitesAtGateway.removeAll(keepingCapacity: true)
            heldPhones = nextPhone
            pass(.milliseconds(500))
        }
    }

    /// Whole calls, 1,000 in each second of the site's clock.
    mutating func call(_ count: Int) {
        for _ in 0..<count / Self.batch {
            connect()
            pass(.milliseconds(50))
            hangUp()
            pass(.milliseconds(10))
        }
    }

    /// Nobody calls until everything has lapsed that lingers after calls.
    mutating func rest() {
        for _ in 0..<100 { pass(.seconds(1)) }
    }

    /// New settings under the calls that are held, as a reload brings them.
    ///
    /// - Parameter channels: of the E1; another number than before has its calls counted anew.
    mutating func reload(channels: Int) {
        var configuration = Self.configuration()
        configuration.settings.trunks[0].channels = channels
        meter.start()
        sw.handle(.configured(configuration), now: now, into: &actions)
        meter.stop()
        actions.removeAll()
    }

    mutating func startCounting() {
        meter = Meter()
        datagrams = 0
        records = 0
    }

    private mutating func connect() {
        var calling: [Int] = []
        for _ in 0..<Self.batch {
            if nextPhone == phones.count { nextPhone = heldPhones }
            calling.append(nextPhone)
            nextPhone += 1
        }
        for phone in calling { outbox.append(invite(phone)) }
        turn()
        for invite in invitesAtGateway { outbox.append(answer(invite, 100)) }
        turn()
        pass(.milliseconds(20))
        for invite in invitesAtGateway { outbox.append(answer(invite, 180)) }
        turn()
        pass(.milliseconds(20))
        for invite in invitesAtGateway { outbox.append(answer(invite, 200)) }
        turn()
        precondition(answersAtPhones.count == Self.batch, "every call is answered")
        for (phone, answer) in answersAtPhones {
            outbox.append(request(.ack, in: answer, by: phone))
        }
        turn()
    }

    private mutating func hangUp() {
        for (phone, answer) in answersAtPhones {
            outbox.append(request(.bye, in: answer, by: phone))
        }
        answersAtPhones.removeAll(keepingCapacity: true)
        invitesAtGateway.removeAll(keepingCapacity: true)
        turn()
        // The gateway's 200 of BYE.
        turn()
    }

    private mutating func pass(_ span: Instant.Span) {
        now = now + span
        turn()
    }

    /// What is in the outbox goes to the switch, and the store is quick; then phones and gateway look
    /// at what came.
    private mutating func turn() {
        datagrams += outbox.count
        outbox.reverse()
        meter.start()
        while sw.nextDeadline <= now { sw.handle(.deadlineReached, now: now, into: &actions) }
        // Popped, so that the switch alone has the bytes, as it does in the daemon.
        while let datagram = outbox.popLast() {
            sw.handle(.datagramReceived(datagram), now: now, into: &actions)
        }
        if let last = actions.commits.last {
            sw.handle(.committed(through: last.ticket), now: now, into: &actions)
        }
        meter.stop()

        datagrams += actions.sends.count
        for sent in actions.sends { take(sent) }
        for commit in actions.commits {
            for change in commit.changes {
                if case .callClosed = change { records += 1 }
                if keepsJournals, case .callRunning(let running) = change {
                    journals[running.call] = running
                }
            }
        }
        if let entry = actions.logs.first { fatalError(entry.message) }

        meter.start()
        actions.removeAll()
        meter.stop()
    }

    /// A phone or the gateway reads what was sent to it.
    private mutating func take(_ sent: Outgoing) {
        let message = Samples.parse(sent.bytes)
        if sent.flow.remote == Self.gateway.remote {
            switch message.method {
            case .invite: invitesAtGateway.append(message)
            case .bye: outbox.append(answer(message, 200))
            default: break
            }
        } else if message.method == .invite {
            precondition(message.status < 300, "the call fails: \(message)")
            guard message.status == 200 else { return }
            let phone = Int(sent.flow.remote.ip.v4 - Self.firstAddress)
            answersAtPhones.append((phone, message))
        }
    }

    // MARK: What they write

    private mutating func invite(_ place: Int) -> Datagram {
        callCount += 1
        let authorization = phones[place].authorization()
        let phone = phones[place]
        let address = phone.flow.remote.description
        var writer = MessageWriter(capacity: 1400)
        writer.requestLine(.invite, uri: Self.dialled)
        writer.field(.via, "SIP/2.0/UDP \(address);branch=z9hG4bKinvite\(callCount);rport")
        writer.field(.maxForwards, 70)
        writer.field(.from, Self.from(phone))
        writer.field(.to, "<\(Self.dialled)>")
        writer.field(.callID, "a84b4c76e66710f2-\(callCount)")
        writer.field(.cseq, "2 INVITE")
        writer.field(.contact, "<sip:\(phone.number)@\(address)>")
        writer.field(.authorization, authorization)
        writer.field(.allow, "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK")
        writer.field(.supported, "replaces")
        writer.field(.userAgent, "Desk Phone 5.1")
        let bytes = writer.finish(body: Samples.offer[...], contentType: Self.sdp)
        return Datagram(flow: phone.flow, bytes: bytes)
    }

    private static func from(_ phone: Phone) -> String {
        "\"\(phone.number)\" <sip:\(phone.number)@tandem.local>;tag=t\(phone.number)"
    }

    /// ACK or BYE in the dialog that an answer made.
    private func request(_ method: Method, in answer: Message, by place: Int) -> Datagram {
        let phone = phones[place]
        let address = phone.flow.remote.description
        var writer = MessageWriter(capacity: 600)
        writer.requestLine(method, uri: answer.address(.contact)?.uri ?? [])
        let callID = String(decoding: answer.callID, as: UTF8.self)
        writer.field(
            .via, "SIP/2.0/UDP \(address);branch=z9hG4bK\(method.name)\(callID);rport")
        writer.field(.maxForwards, 70)
        writer.field(.from, Self.from(phone))
        writer.field(.to, answer.value(.to) ?? [])
        writer.field(.callID, answer.callID)
        writer.field(.cseq, "\(method == .ack ? 2 : 3) \(method.name)")
        writer.field(.userAgent, "Desk Phone 5.1")
        return Datagram(flow: phone.flow, bytes: writer.finish())
    }

    private func answer(_ request: Message, _ status: Int) -> Datagram {
        let hasBody = status == 200 && request.method == .invite
        let bytes = request.response(
            status, toTag: status == 100 ? nil : Array("gw7f21c5".utf8), source: nil,
            dialogForming: request.method == .invite && status > 100,
            extra: { writer in
                if request.method == .invite, status > 100 {
                    writer.field(.contact, "<sip:127.0.0.1:5070>")
                    writer.field(.allow, "INVITE, ACK, CANCEL, BYE, OPTIONS")
                }
                writer.field(.server, "Gateway 3")
            },
            body: hasBody ? Samples.offer[...] : [], contentType: hasBody ? Self.sdp : [])
        return Datagram(flow: Self.gateway, bytes: bytes)
    }
}
