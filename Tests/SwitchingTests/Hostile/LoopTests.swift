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
}

extension Site {
    fileprivate mutating func deliver(_ message: Message, from endpoint: Endpoint) {
        let flow = Flow(transport: .udp, listener: 0, remote: endpoint)
        handle(.datagramReceived(Datagram(flow: flow, bytes: Array(message.bytes))))
    }
}
