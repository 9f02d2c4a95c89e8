import SIP
import Testing

@testable import Switching

/// Calls, transfers and redirections to `sips` go by TLS on every leg, or not at all (RFC 5630).
@Suite struct SipsTests {
    private let natted = "sip:8002@192.168.1.9:5060;transport=tcp"

    @Test func sipsIsAnsweredWithSipsAndSipWithItsTransport() throws {
        func contact(_ scheme: String) throws -> String {
            var stream = try StreamSite { settings in
                settings.listeners[1].transport = .tls
            }
            let flow = Flow(
                transport: .tls, listener: 1, remote: Endpoint(text: "127.0.0.1:40001"))
            let contact = "\(scheme):8002@192.168.1.9:5061;transport=tls"
            _ = try stream.register("8002", contact: contact, on: flow)
            var caller = Party.phone("8001")
            try caller.call("8002", at: &stream.site)
            let invite = try stream.site.next(flow.remote)
            #expect(invite.topVia.transportKind == .tls)
            return String(decoding: try #require(invite.value(.contact)), as: UTF8.self)
        }
        #expect(try contact("sips") == "<sips:127.0.0.1:5060>")
        #expect(try contact("sip") == "<sip:127.0.0.1:5060;transport=tls>")
    }

    private static let secureInvite = StreamSite.invite(from: "127.0.0.1:5070", id: "secure")
        .replacing("INVITE sip:", with: "INVITE sips:").replacing(
            "SIP/2.0/TCP", with: "SIP/2.0/TLS")

    @Test func aCallToSipsRingsThePhonesThatTLSReaches() throws {
        var stream = try StreamSite.secured()
        _ = try stream.register("8002", contact: natted, on: StreamSite.flow(40_001))
        _ = try stream.register(
            "8002", contact: "sips:8002@192.168.1.8:5061", on: StreamSite.tls(40_002), callID: "r2")
        stream.deliver(Self.secureInvite, on: StreamSite.tls(45_000))
        let invite = try stream.site.next(StreamSite.tls(40_002).remote)
        #expect(invite.requestURI.elementsEqual("sips:8002@192.168.1.8:5061".utf8))
        #expect(invite.address(.contact)?.uriView?.scheme == .sips)
        #expect(stream.site.said(StreamSite.flow(40_001).remote) == "")
    }

    @Test func aCallToSipsIsRefusedWherePartOfTheWayIsInTheClear() throws {
        var stream = try StreamSite.secured()
        _ = try stream.register("8002", contact: natted, on: StreamSite.flow(40_001))
        stream.deliver(Self.secureInvite, on: StreamSite.tls(45_000))
        #expect(stream.site.said(StreamSite.flow(40_001).remote) == "")
        let answers = stream.site.all(StreamSite.tls(45_000).remote)
        #expect(answers.map(\.status) == [100, 480])
        #expect(
            answers.last?.text(.warning)
                == "399 127.0.0.1:5061 \"no phone of 8002 is reached by TLS, as sips asks for\"")
        #expect(stream.site.records.first?.endReason.contains("TLS") == true)
        // A sip call rings it.
        stream.deliver(
            StreamSite.invite(from: "127.0.0.1:5070", id: "in"), on: StreamSite.flow(45_001))
        #expect(try stream.site.next(StreamSite.flow(40_001).remote).method == .invite)
    }

    @Test func sipsThatComesInTheClearIsRefused() throws {
        var stream = try StreamSite.secured()
        _ = try stream.register(
            "8002", contact: "sips:8002@192.168.1.8:5061", on: StreamSite.tls(40_002))
        stream.deliver(
            Self.secureInvite.replacing("SIP/2.0/TLS", with: "SIP/2.0/TCP"),
            on: StreamSite.flow(45_000))
        #expect(stream.site.said(StreamSite.flow(45_000).remote) == "416")
        #expect(stream.site.said(StreamSite.tls(40_002).remote) == "")
    }

    @Test(arguments: [TransportKind.tls, .tcp])
    func aCallToSipsLeavesByATrunkOfTLSAlone(transport: TransportKind) throws {
        var stream = try StreamSite.secured { settings in
            settings.trunks[1].transport = transport
            settings.trunks[1].listener = transport == .tls ? 2 : 1
        }
        _ = try stream.register(
            "8001", contact: "sips:8001@192.168.1.8:5061", on: StreamSite.tls(40_001))
        let text = try stream.site.invite(
            "sips:86035566@example.com", by: "8001", on: StreamSite.tls(40_001))
        stream.deliver(text, on: StreamSite.tls(40_001))
        let heard = stream.site.all(Site.pstn)
        if transport == .tls {
            let invite = try #require(heard.first)
            #expect(invite.requestURI.starts(with: "sips:86035566@127.0.0.1:5080".utf8))
            #expect(invite.topVia.transportKind == .tls)
        } else {
            #expect(heard.isEmpty)
            let refusal = try #require(stream.site.all(StreamSite.tls(40_001).remote).last)
            #expect(refusal.status == 480)
            #expect(
                refusal.text(.warning)
                    == "399 127.0.0.1:5061 \"pstn is not reached by TLS, as sips asks for\"")
        }
    }

    // MARK: sips in a redirection

    /// 8001 calls 8002, which sends it on to 8003, each reached by one of these transports.
    private func redirected(
        _ transports: [TransportKind], to contact: String = "sips:8003@example.com",
        _ change: (inout Settings) -> Void = { _ in }
    ) throws -> (site: Site, phones: [Party]) {
        var (site, phones) = try registered(transports, change)
        try phones[0].call("8002", at: &site)
        phones[1].answer(
            try site.next(phones[1].endpoint), 302, at: &site, extra: "Contact: <\(contact)>\n")
        return (site, phones)
    }

    @Test func aRedirectionToSipsRingsThePhonesThatTLSReaches() throws {
        for transport in [TransportKind.tls, .udp] {
            // Nothing of the one that has left has to be secure.
            var (site, phones) = try redirected([.tls, transport, .tls])
            let invite = try #require(site.all(phones[2].endpoint).first)
            #expect(invite.method == .invite && invite.topVia.transportKind == .tls)
            #expect(invite.has(.diversion))
            #expect(site.said(phones[0].endpoint) == "100")
        }
    }

    @Test func aRedirectionToSipsIsRefusedWherePartOfTheWayIsInTheClear() throws {
        for (transports, who) in [
            ([TransportKind.udp, .tls, .tls], "8001 is not reached by TLS, as sips asks for"),
            ([.tls, .tls, .tcp], "no phone of 8003 is reached by TLS, as sips asks for"),
        ] {
            var (site, phones) = try redirected(transports)
            let answers = site.all(phones[0].endpoint)
            #expect(answers.map(\.status) == [100, 480])
            #expect(answers.last?.text(.warning)?.hasSuffix("\"\(who)\"") == true)
            #expect(answers.last?.text(.warning)?.hasPrefix("399 ") == true)
            #expect(!site.said(phones[2].endpoint).contains("INVITE"))
            #expect(site.records.first?.sipStatus == 480)
        }
        // Without sips it goes there as it can.
        var (site, phones) = try redirected([.udp, .tls, .tls], to: "sip:8003@example.com")
        #expect(site.said(phones[2].endpoint).contains("INVITE"))
    }

    /// The one that cannot be had is left for the next, which nothing asks to be secure.
    @Test func whereSipsCannotBeTheNextContactIsTried() throws {
        for contacts in [
            "sips:8003@example.com>;q=0.9, <sip:8003@example.com",
            "sips:8001@example.com>, <sip:8003@example.com",
        ] {
            var (site, phones) = try redirected([.udp, .tls, .udp], to: contacts)
            #expect(site.said(phones[2].endpoint).contains("INVITE"))
            #expect(site.said(phones[0].endpoint) == "100")
        }
    }

    @Test func aRedirectionToSipsIsPassedAsThatToWhomTLSReaches() throws {
        for transport in [TransportKind.tls, .udp] {
            var (site, phones) = try redirected([transport, .tls, .tls]) {
                $0.calls.redirects = .pass
            }
            let last = try #require(site.all(phones[0].endpoint).last)
            if transport == .tls {
                #expect(last.status == 302)
                #expect(last.text(.contact) == "<sips:8003@127.0.0.1:5061>")
            } else {
                #expect(last.status == 480 && last.has(.warning))
            }
        }
    }

    // MARK: sips in a transfer

    /// 8001 talks with 8002, each by one of these transports, and 8003 is registered by the third.
    private func talking(
        _ transports: [TransportKind]
    ) throws -> (site: Site, phones: [Party]) {
        var (site, phones) = try registered(transports)
        try site.connected(&phones)
        return (site, phones)
    }

    /// 8001 and the following, each by one of these transports.
    private func registered(
        _ transports: [TransportKind], _ change: (inout Settings) -> Void = { _ in }
    ) throws -> (site: Site, phones: [Party]) {
        var settings = Site.settings()
        for (transport, port) in [(TransportKind.tcp, 5060), (.tls, 5061)] {
            settings.listeners.append(
                ListenerSettings(
                    transport: transport, bound: Site.own, advertisedHost: "127.0.0.1",
                    advertisedPort: UInt16(port)))
        }
        change(&settings)
        var site = try Site(settings: settings)
        var phones: [Party] = []
        for (place, transport) in transports.enumerated() {
            let number = "\(8001 + place)"
            let endpoint = Party.phone(number).endpoint
            if transport != .udp {
                site.streams[endpoint] = Flow(
                    transport: transport, listener: transport == .tcp ? 1 : 2, remote: endpoint)
            }
            phones += try site.registered(number)
        }
        return (site, phones)
    }

    private func refer(_ phone: inout Party, _ site: inout Site) {
        phone.send("REFER", at: &site, extra: "Refer-To: <sips:8003@example.com>\n")
    }

    @Test func aTransferToSipsRingsThePhonesThatTLSReaches() throws {
        var (site, phones) = try talking([.tls, .tls, .tls])
        refer(&phones[0], &site)
        #expect(TransferTests.heard(phones[0], &site) == ["202", "100"])
        #expect(try site.next(phones[2].endpoint).method == .invite)
    }

    @Test func aTransferToSipsIsRefusedWherePartOfTheWayIsInTheClear() throws {
        var (site, phones) = try talking([.tls, .tls, .tcp])
        refer(&phones[0], &site)
        let heard = site.all(phones[0].endpoint)
        #expect(heard.first?.status == 202 && site.said(phones[2].endpoint) == "")
        let last = try #require(heard.last)
        #expect(last.text(.subscriptionState)?.hasPrefix("terminated") == true)
        #expect(
            last.text == """
                SIP/2.0 480 Temporarily Unavailable\r
                Warning: 399 127.0.0.1:5061 "no phone of 8003 is reached by TLS, as sips asks for"\r

                """)
        // The call is as it was.
        #expect(site.sw.calls.count == 1)
    }

    @Test func whoIsInTheClearIsNotSentOnToSips() throws {
        var (site, phones) = try talking([.tls, .udp, .tls])
        refer(&phones[0], &site)
        let refusal = try #require(site.all(phones[0].endpoint).last)
        #expect(refusal.status == 480 && site.said(phones[2].endpoint) == "")
        #expect(
            refusal.text(.warning)
                == "399 127.0.0.1:5061 \"8002 is not reached by TLS, as sips asks for\"")
        #expect(site.sw.calls.count == 1)
    }
}
