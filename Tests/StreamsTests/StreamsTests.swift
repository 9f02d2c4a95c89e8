import Glibc
import NIOCore
import SIP
import Testing

@testable import Streams

private let loopback = IPAddress(v4: 0x7f00_0001)

private func message(_ number: Int, body: Int = 0) -> [UInt8] {
    let head = """
        OPTIONS sip:127.0.0.1 SIP/2.0
        Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK-\(number)
        From: <sip:a@127.0.0.1>;tag=a
        To: <sip:b@127.0.0.1>
        Call-ID: \(number)
        CSeq: 1 OPTIONS
        Content-Length: \(body)


        """
    return Array(head.replacing("\n", with: "\r\n").utf8)
        + Array(repeating: UInt8(ascii: "x"), count: body)
}

/// Connections at one TCP listener, and what they tell.
private final class Fixture {
    let seen = Seen()
    let streams: Streams
    let own: Endpoint

    init(ip: IPAddress = loopback, _ change: (inout StreamLimits) -> Void = { _ in }) throws {
        var limits = StreamLimits()
        change(&limits)
        let seen = seen
        streams = try Streams(
            listeningOn: [
                StreamListener(number: 3, transport: .tcp, bound: Endpoint(ip: ip, port: 0))
            ], limits: limits, deliver: { seen.note($0) })
        own = streams.bound[3]!
    }

    deinit { streams.close() }

    func flow(_ remote: Endpoint) -> Flow { Flow(transport: .tcp, listener: 3, remote: remote) }
}

@Suite(.serialized) struct StreamsTests {
    @Test func aMessageComesWithItsFlowAndTheAnswerGoesBackOnItsConnection() throws {
        let fixture = try Fixture()
        let peer = try TCPPeer.connected(to: fixture.own)
        peer.send(message(1))
        let came = fixture.seen.messages(1)
        #expect(came.map(\.bytes) == [message(1)])
        #expect(came.first?.flow == fixture.flow(peer.endpoint))
        fixture.streams.send([(Array("answer".utf8), fixture.flow(peer.endpoint))])
        #expect(peer.receive(through: "answer") == "answer")
        #expect(fixture.streams.counters.accepted == 1)
    }

    @Test func messagesTornAtEveryByteAndInOnePieceArriveWhole() throws {
        let fixture = try Fixture()
        let peer = try TCPPeer.connected(to: fixture.own)
        for byte in message(1) { peer.send([byte]) }
        peer.send(message(2) + message(3, body: 5000) + message(4))
        #expect(
            fixture.seen.messages(4).map(\.bytes) == [
                message(1), message(2), message(3, body: 5000), message(4),
            ])
    }

    @Test func aPingIsAnswered() throws {
        let fixture = try Fixture()
        let peer = try TCPPeer.connected(to: fixture.own)
        peer.send(Array("\r\n\r\n".utf8))
        #expect(peer.receive(through: "\r\n") == "\r\n")
        #expect(fixture.seen.all.isEmpty)
    }

    @Test func aMessageThatIsTooLargeIsToldSoAndItsConnectionEnds() throws {
        let fixture = try Fixture()
        let peer = try TCPPeer.connected(to: fixture.own)
        peer.send(message(1, body: 70_000))
        #expect(peer.receive(through: "\r\n\r\n").hasPrefix("SIP/2.0 513 "))
        #expect(peer.isClosed())
        #expect(fixture.streams.counters.malformed == 1)
    }

    @Test func aMessageWithoutItsLengthIsToldSoAndItsConnectionEnds() throws {
        let fixture = try Fixture()
        let peer = try TCPPeer.connected(to: fixture.own)
        let text = String(decoding: message(1), as: UTF8.self)
            .replacing("Content-Length: 0\r\n", with: "")
        peer.send(Array(text.utf8))
        let answer = peer.receive(through: "\r\n\r\n")
        #expect(answer.hasPrefix("SIP/2.0 400 Missing Content-Length"))
        #expect(peer.isClosed())
    }

    @Test func theEndOfAConnectionIsToldAfterWhatCameByIt() throws {
        let fixture = try Fixture()
        var peer: TCPPeer? = try TCPPeer.connected(to: fixture.own)
        let flow = fixture.flow(peer!.endpoint)
        peer!.send(message(1))
        peer = nil
        let closed = try #require(fixture.seen.closed())
        #expect(closed.flow == flow && closed.wasAccepted)
        #expect(fixture.seen.messages(1).count == 1)
        guard case .closed = fixture.seen.all.last else {
            Issue.record("something came after the end")
            return
        }
    }

    @Test func oneConnectionIsMadeAndUsedAgain() throws {
        let fixture = try Fixture()
        let other = try TCPPeer.listening()
        let flow = fixture.flow(other.endpoint)
        fixture.streams.send([(Array("one".utf8), flow), (Array("two".utf8), flow)])
        let peer = try other.accepted()
        #expect(peer.receive(through: "two") == "onetwo")
        fixture.streams.send([(Array("three".utf8), flow)])
        #expect(peer.receive(through: "three") == "three")
        peer.send(message(1))
        #expect(fixture.seen.messages(1).first?.flow == flow)
        #expect(fixture.streams.counters.dialled == 1)
    }

    @Test func aPlaceWhereNobodyListensIsToldAsFailed() throws {
        let fixture = try Fixture()
        let gone = try TCPPeer.listening().endpoint
        fixture.streams.send([(Array("hello".utf8), fixture.flow(gone))])
        #expect(fixture.seen.failed() == fixture.flow(gone))
        #expect(fixture.streams.counters.unreachable == 1)
        #expect(fixture.streams.counters.connections == 0)
    }

    @Test func aFlowOfNoListenerIsToldAsFailed() throws {
        let fixture = try Fixture()
        let flow = Flow(
            transport: .tcp, listener: 9, remote: Endpoint(ip: loopback, port: 5060))
        fixture.streams.send([(Array("hello".utf8), flow)])
        #expect(fixture.seen.failed() == flow)
    }

    @Test func oneAddressHasNoMoreConnectionsThanItsLimit() throws {
        let fixture = try Fixture { $0.connectionsOfPeer = 2 }
        let peers = try (0..<2).map { _ in try TCPPeer.connected(to: fixture.own) }
        for peer in peers { peer.send(message(1)) }
        _ = fixture.seen.messages(2)
        let third = try TCPPeer.connected(to: fixture.own)
        #expect(third.isClosed())
        #expect(fixture.streams.counters.refused == 1)
        peers[0].send(message(2))
        #expect(fixture.seen.messages(3).count == 3)
    }

    @Test func whoeverSaysNothingIsCutOff() throws {
        let fixture = try Fixture { $0.message = .milliseconds(300) }
        let silent = try TCPPeer.connected(to: fixture.own)
        let halting = try TCPPeer.connected(to: fixture.own)
        let good = try TCPPeer.connected(to: fixture.own)
        halting.send(message(1) + message(2).dropLast(10))
        good.send(message(3))
        #expect(silent.isClosed() && halting.isClosed())
        good.send(message(4))
        #expect(fixture.seen.messages(3).count == 3)
        #expect(fixture.streams.counters.idle == 2)
    }

    @Test func aMessageThatNeverEndsIsCutOffHoweverSlowlyItComes() throws {
        let fixture = try Fixture { $0.message = .milliseconds(300) }
        let slow = try TCPPeer.connected(to: fixture.own)
        slow.send(message(1))
        // It is never silent for long, and not idle.
        var sent = 0
        for byte in message(2, body: 200) {
            guard slow.send([byte]) else { break }
            sent += 1
            usleep(15_000)
        }
        #expect(slow.isClosed() && sent < 200)
        #expect(fixture.seen.messages(1).count == 1)
        #expect(fixture.streams.counters.idle == 1)
    }

    @Test func unfinishedMessagesTogetherHaveALimit() throws {
        let fixture = try Fixture { $0.unfinished = 100_000 }
        let peers = try (0..<8).map { _ in try TCPPeer.connected(to: fixture.own) }
        let halves = message(1, body: 60_000).dropLast(1)
        // Two of these are more than the limit; a short one among them is none of that.
        peers[0].send(message(1, body: 500).dropLast(1))
        usleep(50_000)
        for peer in peers.dropFirst() { peer.send(halves) }
        let closed = peers.dropFirst().filter { $0.isClosed(within: 1) }.count
        #expect((5...6).contains(closed), "\(closed)")
        #expect(fixture.streams.counters.unfinished == UInt64(closed))
        peers[0].send([UInt8(ascii: "x")])
        #expect(fixture.seen.messages(1).map(\.bytes.count) == [message(1, body: 500).count])
        // What is closed has given its part back: large messages come through again.
        for peer in peers.dropFirst() { peer.send([UInt8(ascii: "x")]) }
        let last = try TCPPeer.connected(to: fixture.own)
        last.send(message(9, body: 60_000))
        #expect(fixture.seen.messages(3).last?.bytes.count == message(9, body: 60_000).count)
    }

    @Test func whoeverHasProvedNothingForTheLongestTimeGivesItsPlaceToOthers() throws {
        let fixture = try Fixture { $0.connections = 4 }
        let phones = try (0..<2).map { _ in try TCPPeer.connected(to: fixture.own) }
        for (number, phone) in phones.enumerated() { phone.send(message(number)) }
        #expect(fixture.seen.messages(2).count == 2)
        fixture.streams.prove(phones.map { fixture.flow($0.endpoint) })
        // Whatever strangers say, they stay so.
        let strangers = try (0..<2).map { _ in try TCPPeer.connected(to: fixture.own) }
        for (number, stranger) in strangers.enumerated() { stranger.send(message(5 + number)) }
        #expect(fixture.seen.messages(4).count == 4)
        let late = try (0..<2).map { _ in try TCPPeer.connected(to: fixture.own) }
        #expect(strangers.allSatisfy { $0.isClosed(within: 5) })
        for (number, phone) in late.enumerated() { phone.send(message(10 + number)) }
        #expect(fixture.seen.messages(6).count == 6)
        #expect(fixture.streams.counters.displaced == 2)
        fixture.streams.prove(late.map { fixture.flow($0.endpoint) })
        // It returns when all that was said before is done.
        fixture.streams.use(nil)
        // All four are known: the fifth is refused.
        let fifth = try TCPPeer.connected(to: fixture.own)
        #expect(fifth.isClosed(within: 5))
        #expect(fixture.streams.counters.refused == 1)
        for (number, phone) in (phones + late).enumerated() { phone.send(message(20 + number)) }
        #expect(fixture.seen.messages(10).count == 10)
    }

    @Test func aConnectionByWhichNothingWasProvedIsClosedWhenItsTimeIsOver() throws {
        let fixture = try Fixture { $0.unproved = .milliseconds(500) }
        let phone = try TCPPeer.connected(to: fixture.own)
        let stranger = try TCPPeer.connected(to: fixture.own)
        let other = try TCPPeer.listening()
        fixture.streams.send([(Array("trunk".utf8), fixture.flow(other.endpoint))])
        let trunk = try other.accepted()
        phone.send(message(1))
        stranger.send(message(2))
        #expect(fixture.seen.messages(2).count == 2)
        fixture.streams.prove([fixture.flow(phone.endpoint)])
        // Keep-alives prove nothing.
        stranger.send(Array("\r\n\r\n".utf8))
        #expect(stranger.isClosed())
        #expect(fixture.streams.counters.unproved == 1)
        phone.send(message(3))
        trunk.send(message(4))
        #expect(fixture.seen.messages(4).count == 4)
        #expect(fixture.streams.counters.connections == 2)
    }

    @Test func noConnectionIsTakenFromABarredAddressUntilItIsAdmitted() throws {
        let fixture = try Fixture()
        let phone = try TCPPeer.connected(to: fixture.own)
        let stranger = try TCPPeer.connected(to: fixture.own)
        phone.send(message(1))
        stranger.send(message(2))
        #expect(fixture.seen.messages(2).count == 2)
        fixture.streams.prove([fixture.flow(phone.endpoint)])
        fixture.streams.bar(loopback, for: .hours(1))
        #expect(stranger.isClosed())
        for _ in 0..<3 { #expect(try TCPPeer.connected(to: fixture.own).isClosed()) }
        #expect(fixture.streams.counters.barred == 3)
        phone.send(message(3))
        #expect(fixture.seen.messages(3).count == 3)
        fixture.streams.admit(loopback)
        let again = try TCPPeer.connected(to: fixture.own)
        again.send(message(4))
        #expect(fixture.seen.messages(4).count == 4)
    }

    @Test func aBarEndsByItself() throws {
        let fixture = try Fixture()
        fixture.streams.bar(loopback, for: .milliseconds(200))
        #expect(try TCPPeer.connected(to: fixture.own).isClosed())
        usleep(210_000)
        let again = try TCPPeer.connected(to: fixture.own)
        again.send(message(1))
        #expect(fixture.seen.messages(1).count == 1)
    }

    @Test func anotherAddressIsNotBarred() throws {
        let fixture = try Fixture()
        fixture.streams.bar(IPAddress(v4: 0x7f00_0002), for: .hours(1))
        let peer = try TCPPeer.connected(to: fixture.own)
        peer.send(message(1))
        #expect(fixture.seen.messages(1).count == 1)
    }

    @Test func anIdleConnectionIsClosedWhenItsTimeIsOver() throws {
        let fixture = try Fixture { $0.idle = .milliseconds(500) }
        let peer = try TCPPeer.connected(to: fixture.own)
        peer.send(message(1))
        #expect(peer.isClosed())
        #expect(fixture.seen.closed()?.wasAccepted == true)
    }

    @Test func whoeverDoesNotReadIsCutOffAndCostsNoMoreThanTheLimit() throws {
        let fixture = try Fixture { $0.unread = 100_000 }
        let peer = try TCPPeer.connected(to: fixture.own)
        peer.send(message(1))
        _ = fixture.seen.messages(1)
        let flow = fixture.flow(peer.endpoint)
        let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 60_000)
        // More than any kernel holds for a socket.
        for _ in 0..<400 { fixture.streams.send([(chunk, flow)]) }
        #expect(fixture.seen.closed()?.flow == flow)
        #expect(fixture.streams.counters.slow >= 1)
    }

    @Test func whatWaitsForAConnectionHasALimitAndClosesNothing() throws {
        let fixture = try Fixture { $0.unread = 100_000 }
        let other = try TCPPeer.listening()
        let flow = fixture.flow(other.endpoint)
        let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 60_000)
        // Given together, all of them come while the connection is being made.
        fixture.streams.send([(chunk, flow), (chunk, flow), (chunk, flow)])
        let peer = try other.accepted()
        #expect(peer.receive(count: 60_000) == 60_000)
        fixture.streams.send([(Array("after".utf8), flow)])
        #expect(peer.receive(through: "after") == "after")
        let counters = fixture.streams.counters
        #expect(counters.crowded == 2 && counters.slow == 0)
        #expect(counters.dialled == 1 && counters.connections == 1)
    }

    @Test func nothingIsReadWhileTheLoopHasEnoughToDo() throws {
        let fixture = try Fixture { $0.unheard = 100_000 }
        let peer = try TCPPeer.connected(to: fixture.own)
        for number in 0..<40 { peer.send(message(number, body: 10_000)) }
        let before = fixture.seen.messages(8)
        #expect(before.count >= 8 && before.count < 40)
        fixture.streams.heard(fixture.seen.all)
        for _ in 0..<40 where fixture.seen.messages(1).count < 40 {
            let count = fixture.seen.messages(1).count
            fixture.streams.heard(Array(fixture.seen.all[min(8, count)...]))
            _ = fixture.seen.messages(min(count + 8, 40))
        }
        #expect(fixture.seen.messages(40).count == 40)
    }

    @Test func connectionsComeByIPv6() throws {
        let fixture = try Fixture(ip: IPAddress(high: 0, low: 1))
        let peer = try TCPPeer.connected(to: fixture.own)
        peer.send(message(1))
        #expect(fixture.seen.messages(1).first?.flow.remote.ip == IPAddress(high: 0, low: 1))
    }

    @Test func aPortInUseIsSaidWithItsAddress() throws {
        let fixture = try Fixture()
        let own = fixture.own
        #expect {
            try Streams(
                listeningOn: [StreamListener(number: 0, transport: .tcp, bound: own)],
                deliver: { _ in })
        } throws: { error in
            let text = (error as? StreamError)?.description ?? ""
            return text.contains("tcp \(own)") && text.contains("another program has this port")
        }
    }
}
