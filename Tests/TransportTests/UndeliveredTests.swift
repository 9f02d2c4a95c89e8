import SIP
import Testing

@testable import Transport

private let loopback = IPAddress(v4: 0x7f00_0001)
private let loopbackV6 = IPAddress(high: 0, low: 1)

/// What becomes of datagrams that nobody takes, on real sockets.
@Suite struct UndeliveredTests {
    @Test(arguments: [loopback, loopbackV6])
    func whatNobodyListensForComesBackAtOnceWithWhatWasSent(ip: IPAddress) throws {
        let loop = try Loop<ScriptedDriver>(listeningOn: [Endpoint(ip: ip, port: 0)])
        let closed = Flow(
            transport: .udp, listener: 0, remote: try Peer.closedEndpoint(ip: ip))
        let driver = ScriptedDriver()
        let sent = (0..<1400).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        driver.outgoing = [(sent, closed)]
        driver.isDone = { !$0.undelivered.isEmpty }
        loop.run(driver)
        #expect(driver.undelivered.map(\.flow) == [closed] && driver.failures.isEmpty)
        let quote = try #require(driver.undelivered.first?.quote)
        // 576 bytes of the whole in IPv4 (RFC 1812 §4.3.2.3), 1280 in IPv6.
        #expect((500...TransportLimits.quoteBytes).contains(quote.count))
        #expect(sent.starts(with: quote))
        // No datagram, no mail, no deadline in between: the error itself ended the wait.
        #expect(driver.turns == 2)
    }

    @Test func aDeadPeerTakesNothingFromTheLivingOnes() throws {
        let loop = try Loop<ScriptedDriver>(listeningOn: [Endpoint(ip: loopback, port: 0)])
        let peer = try Peer()
        let living = Flow(transport: .udp, listener: 0, remote: peer.endpoint)
        let dead = try (0..<5).map { _ in
            Flow(transport: .udp, listener: 0, remote: try Peer.closedEndpoint())
        }
        let driver = ScriptedDriver()
        // Every send after one to a dead peer meets that one's error.
        for number in 0..<100 {
            driver.outgoing.append((Array("dead".utf8), dead[number % 5]))
            driver.outgoing.append((Array("living \(number)".utf8), living))
        }
        driver.isDone = { Set($0.undelivered.map(\.flow)).count == 5 }
        loop.run(driver)
        #expect(Set(driver.undelivered.map(\.flow)) == Set(dead))
        #expect(driver.undelivered.allSatisfy { $0.quote == Array("dead".utf8) })
        #expect(driver.failures.isEmpty)
        for number in 0..<100 { #expect(peer.receive() == Array("living \(number)".utf8)) }
    }

    @Test func theListenerLivesOnAfterErrors() throws {
        let loop = try Loop<ScriptedDriver>(listeningOn: [Endpoint(ip: loopback, port: 0)])
        let closed = Flow(transport: .udp, listener: 0, remote: try Peer.closedEndpoint())
        let driver = ScriptedDriver()
        driver.outgoing = [(Array("INVITE".utf8), closed)]
        driver.isDone = { !$0.undelivered.isEmpty }
        loop.run(driver)

        let peer = try Peer()
        peer.send(Array("REGISTER".utf8), to: loop.sockets.bound[0])
        let second = ScriptedDriver()
        second.isDone = { !$0.datagrams.isEmpty }
        loop.run(second)
        #expect(second.datagrams.map(\.0) == [Array("REGISTER".utf8)])
        #expect(second.failures.isEmpty && second.undelivered.isEmpty)
    }

    @Test func whatTheKernelRefusesFailsItsFlowAlone() throws {
        let loop = try Loop<ScriptedDriver>(listeningOn: [Endpoint(ip: loopback, port: 0)])
        let peer = try Peer()
        let living = Flow(transport: .udp, listener: 0, remote: peer.endpoint)
        func flow(_ ip: IPAddress, _ port: UInt16, listener: UInt16 = 0) -> Flow {
            Flow(
                transport: .udp, listener: listener, remote: Endpoint(ip: ip, port: port))
        }
        let refused = [
            flow(loopback, 0),  // No port.
            flow(IPAddress(v4: 0xffff_ffff), 5060),  // Broadcast is not allowed.
            flow(IPAddress(v4: 0xc000_0201), 5060),  // No way there from a loopback address.
            flow(loopbackV6, 5060),  // The other family.
            flow(loopback, 5060, listener: 9),  // A listener that is no longer configured.
        ]
        let driver = ScriptedDriver()
        for refusedFlow in refused {
            driver.outgoing.append((Array("refused".utf8), refusedFlow))
            driver.outgoing.append((Array("living".utf8), living))
        }
        let tooLarge = [UInt8](repeating: 0x78, count: 65_508)
        driver.outgoing.append((tooLarge, flow(loopback, 9)))
        driver.isDone = { Set($0.failures).count == refused.count + 1 }
        loop.run(driver)
        #expect(Set(driver.failures) == Set(refused + [flow(loopback, 9)]))
        for _ in refused { #expect(peer.receive() == Array("living".utf8)) }
    }
}
