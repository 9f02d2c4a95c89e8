import SIP
import Testing

@testable import Switching

/// Phones behind NAT that have registered by UDP are asked while they say nothing, so that they can be
/// called.
@Suite struct KeepAliveTests {
    private static let natted = "192.168.7.7:5060"

    private func site(_ change: (inout Settings) -> Void = { _ in }) throws -> Site {
        var settings = Site.settings()
        change(&settings)
        return try Site(settings: settings)
    }

    /// Registers from a public place, with what the phone believes to be its address.
    private func register(
        _ number: String = "8002", from place: String = "203.0.113.9:40001",
        contact: String = natted, extra: String = "", expires: Int = 3600, at site: inout Site
    ) throws -> Party {
        var phone = Party(number, Endpoint(text: place))
        // Another request than the one that registered it.
        if expires == 0 { (phone.cseq, phone.branches) = (100, 100) }
        phone.callID = "r-\(number)-\(place)"
        try phone.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:\(number)@example.com>",
            extra: "Contact: <sip:\(number)@\(contact)>\nExpires: \(expires)\n\(extra)",
            hasContact: false, site: &site)
        #expect(try site.next(phone.endpoint).status == 200)
        return phone
    }

    private func row(_ site: inout Site) throws -> RegistrationRow {
        guard case .registrations(let rows) = site.request(.registrations) else {
            throw Missing()
        }
        return try #require(rows.first)
    }

    private struct Missing: Error {}

    /// The next question, as soon as it is asked.
    private func asked(_ phone: Party, _ site: inout Site) throws -> Message {
        for _ in 0..<300 where site.inbox[phone.endpoint]?.isEmpty != false {
            site.pass(.milliseconds(100))
        }
        let options = try site.next(phone.endpoint)
        #expect(options.method == .options)
        return options
    }

    @Test func aPhoneThatSaysNothingIsAskedWithinTheTimeAndItsAnswerLeavesNoTrace() throws {
        var site = try site()
        var phone = try register(at: &site)
        let logs = site.logs.count
        let commits = site.commits.count
        for round in 1...20 {
            let heard = site.now
            let options = try asked(phone, &site)
            #expect((26_100...29_100).contains((site.now - heard).milliseconds))
            #expect(options.requestURI.elementsEqual("sip:8002@192.168.7.7:5060".utf8))
            #expect(try row(&site).unheardSeconds == Int((site.now - heard).milliseconds / 1000))
            // Whatever it says, it is there.
            phone.answer(options, round % 2 == 0 ? 200 : 404, at: &site)
            #expect(try row(&site).unheardSeconds == 0)
        }
        #expect(site.logs.count == logs && site.commits.count == commits)
        #expect(site.sw.counters.all["stray-responses"] == nil)
        #expect(site.sw.counters.keepAlives == 20 && site.sw.counters.keepAliveAnswers == 20)
        #expect(site.sw.inspection.transactions == 0)
    }

    private static let stun: [UInt8] =
        [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42] + Array(repeating: 7, count: 12)

    @Test(arguments: [stun, Array("\r\n\r\n".utf8), Array("\r\n\r\n\r\n".utf8)])
    func whoKeepsItsFlowByItselfIsNotAsked(bytes: [UInt8]) throws {
        var site = try site()
        let phone = try register(at: &site)
        let flow = Flow(transport: .udp, listener: 0, remote: phone.endpoint)
        for _ in 0..<20 {
            site.pass(.seconds(26))
            // The answer to STUN is no SIP, and is not looked at.
            var actions = ActionList()
            let event: Event =
                bytes.count > 4
                ? .datagramReceived(Datagram(flow: flow, bytes: bytes)) : .keepAliveReceived(flow)
            site.sw.handle(event, now: site.now, into: &actions)
        }
        #expect(site.said(phone.endpoint) == "" && site.sw.counters.keepAlives == 0)
        site.pass(.seconds(29))
        #expect(site.said(phone.endpoint).hasPrefix("OPTIONS"))
    }

    @Test(arguments: [
        (contact: "203.0.113.9:40001", isAsked: false),
        (contact: "203.0.113.9:5060", isAsked: true),
        (contact: "203.0.113.9", isAsked: true),
        (contact: "192.168.7.7:40001", isAsked: true),
        (contact: "phone.local:40001", isAsked: true),
    ])
    func onlyAPhoneThatIsNotWhereItSaysIsAsked(contact: String, isAsked: Bool) throws {
        var site = try site()
        let phone = try register(contact: contact, at: &site)
        site.pass(.milliseconds(29_001))
        #expect(site.all(phone.endpoint).isEmpty != isAsked)
        #expect(try (row(&site).unheardSeconds != nil) == isAsked)
    }

    @Test func neitherAConnectionNorAProxyIsAsked() throws {
        var site = try site { settings in
            settings.listeners.append(
                ListenerSettings(
                    transport: .tcp, bound: Site.own, advertisedHost: "127.0.0.1",
                    advertisedPort: 5060))
        }
        let byProxy = try register(
            from: "203.0.113.8:5060",
            extra: "Supported: path\nPath: <sip:203.0.113.8;lr>\n", at: &site)
        let connected = Endpoint(text: "203.0.113.9:40001")
        site.streams[connected] = Flow(transport: .tcp, listener: 1, remote: connected)
        _ = try register("8001", at: &site)
        site.pass(.seconds(300))
        #expect(site.said(byProxy.endpoint) == "" && site.said(connected) == "")
    }

    @Test func whatMayBeLostIsAskedOnceMoreAndOneThatIsGoneOnceEachTime() throws {
        var site = try site()
        let phone = try register(at: &site)
        let start = site.now
        _ = try asked(phone, &site)
        site.pass(.milliseconds(500))
        #expect(site.said(phone.endpoint) == "OPTIONS")
        site.pass(.seconds(26))
        #expect(site.said(phone.endpoint) == "")
        // After three times nothing is taken for lost any more.
        site.pass(.seconds(120))
        let before = site.sw.counters.keepAlives
        site.pass(.seconds(290))
        #expect((10...12).contains(site.sw.counters.keepAlives - before))
        _ = site.all(phone.endpoint)
        // It stays, and the operator sees for how long it was not heard.
        let known = try row(&site)
        #expect(known.state == "reachable")
        #expect(known.unheardSeconds == Int((site.now - start).milliseconds / 1000))
        // Once it is heard again it is asked as before.
        site.deliver("\n\n", from: phone.endpoint)
        #expect(try row(&site).unheardSeconds == 0)
        site.pass(.milliseconds(29_501))
        #expect(site.said(phone.endpoint) == "OPTIONS OPTIONS")
    }

    @Test func itEndsWithTheBinding() throws {
        var site = try site()
        let phone = try register(at: &site)
        site.pass(.seconds(20))
        _ = try register(expires: 0, at: &site)
        #expect(site.sw.registrar.keptFlows.count == 0)
        site.pass(.seconds(300))
        #expect(site.said(phone.endpoint) == "")
        _ = try register(from: "203.0.113.9:40002", expires: 60, at: &site)
        site.pass(.seconds(130))
        _ = site.all(Endpoint(text: "203.0.113.9:40002"))
        #expect(site.sw.registrar.keptFlows.count == 0)
        site.pass(.seconds(300))
        #expect(site.said(Endpoint(text: "203.0.113.9:40002")) == "")
    }

    @Test func oneFlowIsAskedOnceForAllItsBindings() throws {
        var site = try site()
        let place = "203.0.113.9:40001"
        for number in ["8001", "8002", "8003"] { _ = try register(number, from: place, at: &site) }
        #expect(site.sw.registrar.count == 3 && site.sw.registrar.keptFlows.count == 1)
        func asks() -> Int {
            var phone = Party("8001", Endpoint(text: place))
            var count = 0
            for _ in 0..<2_900 {
                site.pass(.milliseconds(100))
                for options in site.all(phone.endpoint) {
                    count += 1
                    phone.answer(options, 200, at: &site)
                }
            }
            return count
        }
        #expect((9...11).contains(asks()))
        for number in ["8001", "8003"] {
            _ = try register(number, from: place, expires: 0, at: &site)
        }
        #expect((9...11).contains(asks()))
        _ = try register("8002", from: place, expires: 0, at: &site)
        #expect(asks() == 0)
    }

    @Test func aPhoneWhoseNATHasGivenItAnotherPortIsAskedThere() throws {
        var site = try site()
        let old = try register(at: &site)
        var new = Party("8002", Endpoint(text: "203.0.113.9:40002"))
        (new.cseq, new.branches) = (10, 10)
        new.callID = "r-8002-203.0.113.9:40001"
        try new.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8002@example.com>",
            extra: "Contact: <sip:8002@\(Self.natted)>\nExpires: 3600\n", hasContact: false,
            site: &site)
        _ = site.all(new.endpoint)
        site.pass(.seconds(29))
        #expect(site.said(old.endpoint) == "")
        #expect(site.said(new.endpoint).hasPrefix("OPTIONS"))
        #expect(site.sw.registrar.keptFlows.count == 1)
    }

    @Test func itIsSwitchedOffAndOnByAReload() throws {
        var site = try site { $0.registration.keepAlive = .zero }
        let phone = try register(at: &site)
        site.pass(.seconds(300))
        #expect(site.said(phone.endpoint) == "")
        func reload(_ span: Instant.Span) throws {
            var settings = site.settings
            settings.registration.keepAlive = span
            site.handle(
                .configured(
                    Configuration(settings: settings, plan: try Site.compiledPlan())))
        }
        try reload(.seconds(10))
        site.pass(.zero)
        #expect(site.said(phone.endpoint) == "OPTIONS")
        site.deliver("\n\n", from: phone.endpoint)
        site.pass(.seconds(10))
        #expect(site.said(phone.endpoint).hasPrefix("OPTIONS"))
        try reload(.zero)
        site.pass(.seconds(300))
        #expect(site.said(phone.endpoint) == "")
    }

    /// When each of so many flows is asked first, after a start that finds them all.
    private func firstAsks(_ count: Int) throws -> [Instant.Span] {
        var site = try Site { stored in
            for place in 0..<count {
                let number = "\(8001 + place % 5)"
                let ip = IPAddress(v4: 0xcb00_7100 + UInt32(place / 60_000))
                stored.bindings.append(
                    Binding(
                        number: number,
                        contact: Array("sip:\(number)@192.168.7.7:\(1024 + place)".utf8),
                        flow: Flow(
                            transport: .udp, listener: 0,
                            remote: Endpoint(ip: ip, port: UInt16(place % 60_000 + 1))),
                        expiresAt: 1_800_000_000_000_000 + 3_600_000_000,
                        callID: Array("r\(place)".utf8), cseq: 1, userAgent: ""))
            }
        }
        let start = site.now
        var asks: [Endpoint: Instant.Span] = [:]
        while site.sw.nextDeadline <= start + .seconds(29) {
            site.now = site.sw.nextDeadline
            var actions = ActionList()
            site.sw.handle(.deadlineReached, now: site.now, into: &actions)
            for sent in actions.sends where asks[sent.flow.remote] == nil {
                asks[sent.flow.remote] = site.now - start
            }
        }
        return asks.values.sorted()
    }

    @Test func afterARestartAllAreAskedAtOnceAndOneAfterAnother() throws {
        #expect(try firstAsks(1) == [.zero])
        let count = 2_000
        let asks = try firstAsks(count)
        #expect(asks.count == count)
        // None waits longer than its NAT may remember, and none has many others beside it.
        #expect(try #require(asks.last) <= .seconds(1))
        for (first, later) in zip(asks, asks.dropFirst(40)) {
            #expect(later - first >= .milliseconds(9))
        }
    }

    @Test func afterACrashItGoesOn() throws {
        var site = try site()
        var phone = try register(at: &site)
        try site.crash(.process(.seconds(5)))
        site.pass(.milliseconds(400))
        let options = try site.next(phone.endpoint)
        #expect(options.method == .options)
        // As long as it can be told.
        #expect(try row(&site).unheardSeconds == 0)
        phone.answer(options, 200, at: &site)
        site.pass(.seconds(26))
        #expect(site.said(phone.endpoint) == "")
        site.pass(.seconds(3))
        #expect(site.said(phone.endpoint).hasPrefix("OPTIONS"))
        _ = try register(expires: 0, at: &site)
        site.pass(.seconds(300))
        #expect(site.said(phone.endpoint) == "")
    }

    @Test func phonesThatWereSwitchedOnTogetherAreNotAskedTogether() throws {
        var site = try site()
        let places = (0..<50).map { "203.0.113.9:\(41_000 + $0)" }
        for (index, place) in places.enumerated() {
            _ = try register(
                "\(8001 + index % 5)", from: place, contact: "10.0.0.\(index)", at: &site)
        }
        // As many as five contacts of each of five extensions are kept.
        #expect(site.sw.registrar.keptFlows.count == 25)
        let start = site.now
        var asks: [Int: Int] = [:]
        var known: Set<Endpoint> = []
        while site.sw.nextDeadline <= start + .seconds(29) {
            site.now = site.sw.nextDeadline
            var actions = ActionList()
            site.sw.handle(.deadlineReached, now: site.now, into: &actions)
            for sent in actions.sends where known.insert(sent.flow.remote).inserted {
                asks[Int((site.now - start).milliseconds / 290), default: 0] += 1
            }
        }
        // In tenths of the last tenth of their time.
        #expect(asks.keys.allSatisfy { (90...100).contains($0) })
        #expect(known.count == 25 && asks.count >= 6 && asks.values.allSatisfy { $0 <= 8 })
    }

    @Test func anAnswerThatNobodyWasAskedForIsAStray() throws {
        var site = try site()
        let phone = try register(at: &site)
        let options = try asked(phone, &site)
        let unheard = try row(&site).unheardSeconds
        let stranger = Endpoint(text: "198.51.100.1:5060")
        site.deliver(
            """
            SIP/2.0 200 OK
            Via: \(options.text(.via) ?? "")
            From: <sip:tandem@127.0.0.1:5060>;tag=aaaaaaaaaaaaa
            To: \(options.text(.to) ?? "");tag=x
            Call-ID: \(String(decoding: options.callID, as: UTF8.self))
            CSeq: 1 OPTIONS
            Content-Length: 0


            """, from: stranger)
        #expect(site.sw.counters.all["stray-responses"] == 1)
        #expect(site.sw.counters.keepAliveAnswers == 0)
        #expect(try unheard ?? 0 >= 26 && row(&site).unheardSeconds == unheard)
    }

    // MARK: The table

    @Test func aSlotIsTakenAgainAndNobodyIsAskedInTheNameOfWhoHadIt() {
        func binding(_ port: UInt16) -> Binding {
            Binding(
                number: "8001", contact: Array("sip:8001@10.0.0.1:\(port)".utf8),
                flow: Flow(
                    transport: .udp, listener: 0,
                    remote: Endpoint(ip: IPAddress(v4: 0xcb00_7109), port: port)),
                expiresAt: 1, callID: [], cseq: 1, userAgent: "")
        }
        let now = Instant(nanoseconds: 0)
        var flows = KeptFlows()
        flows.add(binding(1))
        let slot = flows.takeNewcomers()
        #expect(slot == [0] && flows.takeNewcomers() == [])
        flows.remove(binding(1))
        #expect(flows.deadlineReached(0, now: now, silence: .seconds(29)) == .none)
        flows.add(binding(2))
        #expect(flows.takeNewcomers() == [0] && flows.allSlots == [0] && flows.count == 1)
        flows.begin(0, now: now)
        #expect(
            flows.deadlineReached(0, now: now, silence: .seconds(29))
                == .wait(until: now + .seconds(29)))
        // A newcomer that is gone again is none.
        flows.add(binding(3))
        flows.remove(binding(3))
        #expect(flows.takeNewcomers() == [])
        // Nobody knows of this one.
        flows.remove(binding(9))
        flows.heard(on: binding(9).flow, now: now)
        #expect(flows.count == 1 && flows.heardAt(binding(9).flow, start: now) == nil)
    }
}
