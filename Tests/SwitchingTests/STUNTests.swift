import SIP
import Testing

@testable import Switching

/// STUN at the ports of SIP: how a phone keeps its flow over UDP alive (RFC 5626 §8).
@Suite struct STUNTests {
    private static let request: [UInt8] =
        [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42] + Array(repeating: 7, count: 12)

    /// What is sent on the flow that a datagram came by; anything else fails the test.
    private func answers(
        _ bytes: [UInt8], from remote: Endpoint, _ site: inout Site,
        transport: TransportKind = .udp
    ) -> [[UInt8]] {
        let flow = Flow(transport: transport, listener: 0, remote: remote)
        var actions = ActionList()
        site.sw.handle(
            .datagramReceived(Datagram(flow: flow, bytes: bytes)), now: site.now, into: &actions)
        #expect(actions.sends.allSatisfy { $0.flow == flow } && actions.commits.isEmpty)
        return actions.sends.map(\.bytes)
    }

    private let stranger = Endpoint(text: "192.0.2.99:40000")

    @Test func aPhoneLearnsByWhichAddressItIsSeen() throws {
        var site = try Site()
        let v6 = Endpoint(ip: IPAddress(high: 0x2001_0db8_0000_0000, low: 9), port: 40_001)
        for remote in [stranger, v6] {
            let bytes = try #require(answers(Self.request, from: remote, &site).first)
            let answer = try STUNMessage(parsing: bytes)
            #expect(answer.messageClass == .success && answer.mappedAddress == remote)
        }
        guard case .status(let row) = site.request(.status) else {
            Issue.record("no status")
            return
        }
        #expect(row.counters["STUN binding requests"] == 2)
        #expect(row.counters["STUN not answered"] == nil)
    }

    @Test func whatIsNoBindingRequestIsCountedAndNotAnswered() throws {
        var site = try Site()
        var broken = Self.request
        broken[3] = 4
        var indication = Self.request
        indication[1] = 0x11
        for bytes in [broken, indication, [0], [0, 1, 0, 0], Array(Self.request.dropLast())] {
            #expect(answers(bytes, from: stranger, &site).isEmpty)
        }
        #expect(site.sw.counters.noBindings == 1 && site.sw.counters.bindings == 0)
        #expect(site.sw.counters.malformed == 4)
    }

    @Test func whoSendsNothingButGarbageIsNotHeardAnyMore() throws {
        var site = try Site()
        for _ in 0..<1000 { _ = answers(Self.request + [0], from: stranger, &site) }
        #expect(answers(Self.request, from: stranger, &site).isEmpty)
        #expect(site.sw.counters.banned > 0)
    }

    @Test func aStrangerThatAsksWithoutEndIsNotHeardAnyMoreAndARegisteredPhoneIs() throws {
        var site = try Site()
        let phone = try site.registered("8001")[0]
        var told = 0
        for _ in 0..<100_000 {
            let isTold = !answers(Self.request, from: stranger, &site).isEmpty
            told += isTold ? 1 : 0
            if !isTold { break }
        }
        #expect(told < 100_000 && site.sw.counters.banned == 1)
        for _ in 0..<told * 2 {
            #expect(answers(Self.request, from: phone.endpoint, &site).count == 1)
        }
    }

    @Test func duringAnOverloadRegisteredPhonesAloneAreAnswered() throws {
        var site = try Site()
        let phone = try site.registered("8001")[0]
        for _ in 0..<10 { site.handle(.loopMeasured(.milliseconds(500))) }
        #expect(site.sw.isOverloaded)
        #expect(answers(Self.request, from: stranger, &site).isEmpty)
        #expect(answers(Self.request, from: phone.endpoint, &site).count == 1)
    }

    @Test func aConnectionSpeaksNoSTUN() throws {
        var site = try Site()
        #expect(answers(Self.request, from: stranger, &site, transport: .tcp).isEmpty)
        #expect(site.sw.counters.bindings == 0 && site.sw.counters.malformed == 1)
    }

    @Test func lineEndsBeforeAMessageAreNoSTUN() throws {
        var site = try Site()
        let options = """
            OPTIONS sip:example.com SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.99:40000;branch=z9hG4bKo;rport
            From: <sip:a@b>;tag=1
            To: <sip:c@d>
            Call-ID: o
            CSeq: 1 OPTIONS
            Content-Length: 0


            """
        let bytes = Array("\r\n\r\n".utf8) + Array(options.replacing("\n", with: "\r\n").utf8)
        let answer = try #require(answers(bytes, from: stranger, &site).first)
        #expect(answer.starts(with: "SIP/2.0 200 ".utf8))
    }
}
