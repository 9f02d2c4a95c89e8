import Charging
import Dialplan
import SIP
import Testing

@testable import Switching

/// Two switches that send a call to each other for ever (RFC 5393).
@Suite struct LoopTests {
    private static let first = Site.own
    private static let second = Site.pstn

    /// The site's twin behind its gateway to the PSTN: its 8001 forwards back to the first one's line.
    private func pair() throws -> (Site, Site) {
        func forwarding(_ number: String) -> (inout StoredState) -> Void {
            { stored in
                var settings = UserSettings()
                settings.forwardAlways = number
                stored.userSettings["8001"] = settings
            }
        }
        let here = try Site(change: forwarding("66779001"))
        var settings = Site.settings()
        settings.listeners = [
            ListenerSettings(
                transport: .udp, bound: Self.second, advertisedHost: "127.0.0.1",
                advertisedPort: Self.second.port)
        ]
        settings.trunks[1].endpoint = Self.first
        let there = try Site(
            settings: settings, plan: Site.plan.replacing("66778", with: "66779"),
            change: forwarding("66778001"))
        return (here, there)
    }

    /// Carries what they say to each other until nobody says anything; how many messages it was.
    private func exchange(_ here: inout Site, _ there: inout Site) -> Int {
        var count = 0
        while count < 100_000 {
            let outgoing = here.all(Self.second)
            let incoming = there.all(Self.first)
            if outgoing.isEmpty, incoming.isEmpty { break }
            count += outgoing.count + incoming.count
            for message in outgoing { there.deliver(message, from: Self.first) }
            for message in incoming { here.deliver(message, from: Self.second) }
        }
        return count
    }

    @Test func aCallThatIsForwardedInACircleEnds() throws {
        var (here, there) = try pair()
        var phone = try here.registered("8002")[0]
        try phone.call("8001", at: &here)
        let count = exchange(&here, &there)
        #expect(count < 2_000, "\(count) messages")
        #expect(here.sw.counters.calls + there.sw.counters.calls <= 70)
        let answers = here.all(phone.endpoint)
        let last = try #require(answers.last)
        #expect(last.status >= 400, "\(answers.map(\.status))")
        for _ in 0..<5 {
            here.pass(.seconds(40))
            there.pass(.seconds(40))
            _ = exchange(&here, &there)
        }
        #expect(here.isIdle && there.isIdle)
        #expect(here.sw.inspection.transactions == 0 && there.sw.inspection.transactions == 0)
        // Nobody pays for a circle.
        #expect(here.postings.isEmpty && there.postings.isEmpty)
    }

    // MARK: Max-Breadth (RFC 5393 §5)

    /// Two phones of 8002, so that a call to it forks.
    private func forking(_ site: inout Site) throws -> [Party] {
        var other = Party("8002", Endpoint(text: "127.0.0.1:20002"))
        let phones = try site.registered("8001", "8002")
        #expect(try other.register(at: &site).status == 200)
        return phones + [other]
    }

    private func breadths(_ phones: [Party], _ site: inout Site) -> [UInt32?] {
        phones.flatMap { site.all($0.endpoint) }.filter { $0.method == .invite && $0.isRequest }
            .map { $0.number(.maxBreadth) }
    }

    private static let shares: [(field: String, shares: [UInt32])] = [
        ("", [30, 30]), ("Max-Breadth: 5\n", [2, 2]), ("Max-Breadth: 2\n", [1, 1]),
        ("Max-Breadth: 1\n", [1]), ("Max-Breadth: 4000000000\n", [30, 30]),
    ]

    @Test(arguments: shares)
    func branchesShareTheBreadthOfTheirCall(field: String, shares: [UInt32]) throws {
        var site = try Site()
        var phones = try forking(&site)
        try phones[0].call("8002", at: &site, extra: field)
        #expect(breadths(Array(phones[1...]), &site) == shares)
    }

    @Test func aCallThatMayGoNowhereIsRefused() throws {
        var site = try Site()
        var phones = try forking(&site)
        try phones[0].call("8002", at: &site, extra: "Max-Breadth: 0\n")
        #expect(site.said(phones[0].endpoint) == "440")
        #expect(site.said(phones[1].endpoint) == "" && site.sw.calls.count == 0)
    }

    @Test func aRouteThatIsTriedAloneHasTheWholeBreadthOfItsCall() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site, extra: "Max-Breadth: 7\n")
        let invite = try site.next(Site.e1)
        #expect(invite.number(.maxBreadth) == 7)
        var e1 = Party.e1
        e1.answer(invite, 503, at: &site)
        #expect(breadths([Party.pstn], &site) == [7])
    }

    /// Both phones of 8001 are no phones: what they get they send back as a new call to 8001, twice as
    /// many each time.
    @Test func aForkThatFeedsItselfStaysAsBroadAsItsFirstCallMayBe() throws {
        var settings = Site.settings()
        settings.trunks[1].channels = 10_000
        settings.bans.isOn = false
        var site = try Site(settings: settings) { stored in
            for place in stored.extensions.indices { stored.extensions[place].callLimit = 5_000 }
        }
        let ends = [Endpoint(text: "127.0.0.1:18001"), Endpoint(text: "127.0.0.1:20001")]
        for end in ends {
            var phone = Party("8001", end)
            #expect(try phone.register(at: &site).status == 200)
        }
        func invite(_ number: Int, _ forwards: Int, _ breadth: UInt32) -> String {
            """
            INVITE sip:66778001@127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKfork\(number);rport
            Max-Forwards: \(forwards)
            Max-Breadth: \(breadth)
            From: <sip:02011112222@127.0.0.1>;tag=f\(number)
            To: <sip:66778001@127.0.0.1>
            Call-ID: fork-\(number)
            CSeq: 1 INVITE
            Contact: <sip:127.0.0.1:5080>
            Content-Length: 0


            """
        }
        var calls = 1
        var widest = 0
        site.deliver(invite(0, 70, 60), from: Site.pstn)
        while calls < 10_000 {
            let branches = ends.flatMap { site.all($0) }.filter { $0.method == .invite }
            if branches.isEmpty { break }
            widest = max(widest, branches.count)
            for branch in branches {
                site.deliver(
                    invite(calls, branch.maxForwards ?? 0, branch.number(.maxBreadth) ?? 60),
                    from: Site.pstn)
                calls += 1
            }
        }
        #expect(widest > 8 && widest <= 60, "\(widest)")
        #expect(calls < 60 * 70, "\(calls)")
        _ = site.all(Site.pstn)
        site.pass(.seconds(300))
        #expect(site.isIdle)
    }
}

extension Site {
    fileprivate mutating func deliver(_ message: Message, from endpoint: Endpoint) {
        let flow = Flow(transport: .udp, listener: 0, remote: endpoint)
        handle(.datagramReceived(Datagram(flow: flow, bytes: Array(message.bytes))))
    }
}
