import Foundation
import SIP
import Testing

@testable import Streams

private let loopback = Endpoint(ip: IPAddress(v4: 0x7f00_0001), port: 0)

/// Files of certificates, as long as it lives.
private final class Files {
    private let folder = NSTemporaryDirectory() + "tls-\(UUID().uuidString)"

    init() throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            Issue.record("\(folder) stays: \(error)")
        }
    }

    func path(_ name: String, _ text: String) throws -> String {
        let path = "\(folder)/\(name).pem"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    func tls(_ certificate: String, trusting authority: String = Certificates.authority) throws
        -> StreamTLS
    {
        try StreamTLS(
            certificate: path("certificate", certificate), key: path("key", Certificates.key),
            trust: path("trust", authority))
    }
}

/// A listener of TLS, and what it is told.
private final class Side {
    let seen = Seen()
    let streams: Streams
    let own: Endpoint

    init(
        _ tls: StreamTLS, asks: Bool = false, _ change: (inout StreamLimits) -> Void = { _ in }
    ) throws {
        let seen = seen
        var limits = StreamLimits()
        change(&limits)
        streams = try Streams(
            listeningOn: [
                StreamListener(
                    number: 1, transport: .tls, bound: loopback, asksCertificate: asks)
            ], tls: tls, limits: limits, deliver: { seen.note($0) })
        own = streams.bound[1]!
    }

    deinit { streams.close() }

    /// Sends something to the other side by a connection of its own making.
    func send(_ number: Int, to other: Side, whoIs name: String? = nil) {
        let text = """
            OPTIONS sip:127.0.0.1 SIP/2.0
            Via: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK-\(number)
            From: <sip:a@127.0.0.1>;tag=a
            To: <sip:b@127.0.0.1>
            Call-ID: \(number)
            CSeq: 1 OPTIONS
            Content-Length: 0


            """
        streams.expect(name.map { [other.own: $0] } ?? [:])
        streams.send([(Array(text.replacing("\n", with: "\r\n").utf8), flow(other))])
    }

    func flow(_ other: Side) -> Flow { Flow(transport: .tls, listener: 1, remote: other.own) }

    /// The names of the first certificate that was shown to it.
    func certified() -> [String]? {
        seen.first { event in
            if case .certified(_, let names) = event { names } else { nil }
        }
    }

    var isDeaf: Bool {
        !seen.all.contains { event in
            if case .received = event { true } else { false }
        }
    }
}

/// Who is believed over TLS.
@Suite(.serialized) struct TLSTests {
    private let files: Files

    init() throws { files = try Files() }

    @Test func aCertificateThatIsSoundAndNamesTheOtherSideIsTaken() throws {
        let gateway = try Side(files.tls(Certificates.sound))
        let own = try Side(files.tls(Certificates.sound))
        own.send(1, to: gateway, whoIs: "sip.example.net")
        #expect(gateway.seen.messages(1).count == 1)
        // Without a name it is the address that the certificate has to show.
        let plain = try Side(files.tls(Certificates.sound))
        plain.send(2, to: gateway)
        #expect(gateway.seen.messages(2).count == 2)
        // It has asked for none, so that none was shown.
        #expect(gateway.streams.counters.handshakes == 0)
    }

    @Test(arguments: [
        ("of another name", Certificates.other, Certificates.authority),
        ("that has expired", Certificates.expired, Certificates.authority),
        ("of an authority that is not trusted", Certificates.sound, Certificates.stranger),
    ])
    func nothingIsSentToACertificate(what: String, certificate: String, trust: String) throws {
        let gateway = try Side(files.tls(certificate))
        let own = try Side(files.tls(Certificates.sound, trusting: trust))
        own.send(1, to: gateway, whoIs: "sip.example.net")
        // The connection was there, and ends before anything went by it.
        #expect(own.seen.closed()?.flow == own.flow(gateway) || own.seen.failed() != nil)
        #expect(own.streams.counters.handshakes == 1, "\(what)")
        #expect(gateway.isDeaf, "\(what)")
    }

    @Test func whoeverShowsACertificateThatIsAskedForIsKnownByItsNames() throws {
        let gateway = try Side(files.tls(Certificates.sound), asks: true)
        let own = try Side(files.tls(Certificates.renewed))
        own.send(1, to: gateway, whoIs: "sip.example.net")
        #expect(gateway.certified() == ["sip.example.net", "renewed.example.net"])
        #expect(gateway.seen.messages(1).count == 1)
    }

    @Test func whoeverShowsABadOneIsNotHeard() throws {
        let gateway = try Side(files.tls(Certificates.sound), asks: true)
        let own = try Side(files.tls(Certificates.expired))
        own.send(1, to: gateway, whoIs: "sip.example.net")
        #expect(own.seen.closed() != nil)
        #expect(gateway.isDeaf && gateway.certified() == nil)
    }

    @Test func anotherCertificateIsTakenForNewConnectionsAndOpenOnesStay() throws {
        let gateway = try Side(files.tls(Certificates.sound), asks: true)
        let own = try Side(files.tls(Certificates.sound))
        own.send(1, to: gateway, whoIs: "sip.example.net")
        #expect(gateway.seen.messages(1).count == 1)
        own.streams.use(try files.tls(Certificates.renewed))
        own.send(2, to: gateway, whoIs: "sip.example.net")
        #expect(
            gateway.seen.messages(2).map(\.flow).allSatisfy {
                $0 == gateway.seen.messages(1)[0].flow
            })
        let second = try Side(files.tls(Certificates.sound), asks: true)
        own.send(3, to: second, whoIs: "sip.example.net")
        #expect(second.certified() == ["sip.example.net", "renewed.example.net"])
    }

    @Test func aHandshakeThatIsNeverFinishedIsCutOff() throws {
        let gateway = try Side(files.tls(Certificates.sound)) { $0.message = .milliseconds(300) }
        let silent = try TCPPeer.connected(to: gateway.own)
        let halting = try TCPPeer.connected(to: gateway.own)
        // A record of a handshake that says that it has 512 bytes more.
        halting.send([22, 3, 1, 2, 0, 1, 0, 1, 252])
        let noise = try TCPPeer.connected(to: gateway.own)
        noise.send(Array("OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n".utf8))
        #expect(silent.isClosed() && halting.isClosed() && noise.isClosed())
        let own = try Side(files.tls(Certificates.sound))
        own.send(1, to: gateway, whoIs: "sip.example.net")
        #expect(gateway.seen.messages(1).count == 1)
        let counters = gateway.streams.counters
        #expect(counters.idle == 2 && counters.handshakes >= 1 && counters.connections == 1)
    }

    @Test func noHandshakeBeginsForABarredAddress() throws {
        let gateway = try Side(files.tls(Certificates.sound))
        gateway.streams.bar(loopback.ip, for: .hours(1))
        let noise = try TCPPeer.connected(to: gateway.own)
        noise.send(Array("OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n".utf8))
        // Not even an alert comes back.
        #expect(noise.receive(count: 1) == 0)
        let counters = gateway.streams.counters
        #expect(counters.barred == 1 && counters.handshakes == 0 && counters.accepted == 0)
        gateway.streams.admit(loopback.ip)
        let own = try Side(files.tls(Certificates.sound))
        own.send(1, to: gateway, whoIs: "sip.example.net")
        #expect(gateway.seen.messages(1).count == 1)
    }

    @Test func oneAddressBeginsNoMoreHandshakesThanItMay() throws {
        let gateway = try Side(files.tls(Certificates.sound)) {
            $0.connectionsOfPeer = 3
            $0.handshakesOfPeer = 1
        }
        var peers = try (0..<4).map { _ in try TCPPeer.connected(to: gateway.own) }
        #expect(peers.removeLast().isClosed())
        let counters = gateway.streams.counters
        #expect(counters.hurried == 1 && counters.accepted == 3)
        // One more may begin in each second.
        peers = []
        usleep(1_050_000)
        let own = try Side(files.tls(Certificates.sound))
        own.send(1, to: gateway, whoIs: "sip.example.net")
        #expect(gateway.seen.messages(1).count == 1)
    }

    @Test func whatIsClosingAlreadyIsCountedOnce() throws {
        let gateway = try Side(files.tls(Certificates.sound)) { $0.unproved = .milliseconds(1500) }
        // It reads no more once it has one message, so that it never hears that the other side closes.
        let own = try Side(files.tls(Certificates.sound)) { $0.unheard = 100 }
        own.send(1, to: gateway, whoIs: "sip.example.net")
        let flow = try #require(gateway.seen.messages(1).first?.flow)
        gateway.streams.send([(gateway.seen.messages(1)[0].bytes, flow)])
        #expect(own.seen.messages(1).count == 1)
        for _ in 0..<100 where gateway.streams.counters.unproved == 0 { usleep(50_000) }
        // One more look at all of them, and a ban.
        usleep(1_100_000)
        gateway.streams.bar(loopback.ip, for: .hours(1))
        gateway.streams.use(nil)
        let counters = gateway.streams.counters
        #expect(counters.connections == 1, "it was closed at once, and this says nothing")
        #expect(counters.unproved == 1 && counters.displaced == 0)
    }

    @Test func filesThatDoNotBelongTogetherAreToldByTheirNames() throws {
        let certificate = try files.path("c", Certificates.sound)
        let key = try files.path("k", "no key")
        #expect {
            try StreamTLS(certificate: certificate, key: key, trust: nil)
        } throws: {
            "\($0)".contains("k.pem is no private key")
        }
        #expect {
            try StreamTLS(certificate: key, key: key, trust: nil)
        } throws: {
            "\($0)".contains("k.pem is no certificate") || "\($0)".contains("holds no certificate")
        }
    }
}
