import Foundation
import SIP
import Testing

@testable import Transport

private let loopback = IPAddress(v4: 0x7f00_0001)
private let loopbackV6 = IPAddress(high: 0, low: 1)

private func makeLoop(_ ips: [IPAddress] = [loopback]) throws -> Loop<ScriptedDriver> {
    try Loop<ScriptedDriver>(listeningOn: ips.map { Endpoint(ip: $0, port: 0) })
}

@Suite struct LoopTests {
    @Test func datagramComesWithItsFlowAndTheAnswerGoesBack() throws {
        let loop = try makeLoop()
        let peer = try Peer()
        let driver = ScriptedDriver()
        driver.echoes = true
        driver.isDone = { !$0.datagrams.isEmpty }
        peer.send(Array("OPTIONS".utf8), to: loop.sockets.bound[0])
        loop.run(driver)
        #expect(driver.datagrams.map(\.0) == [Array("OPTIONS".utf8)])
        #expect(
            driver.datagrams.map(\.1) == [
                Flow(transport: .udp, listener: 0, remote: peer.endpoint)
            ])
        #expect(peer.receive() == Array("OPTIONS".utf8))
        #expect(loop.sockets.counters.received == 1)
        #expect(loop.sockets.counters.sent == 1)
    }

    @Test func eachListenerIsItsOwnFlowAndIPv6IsOneOfThem() throws {
        let loop = try makeLoop([loopback, loopbackV6, loopback])
        let peer = try Peer()
        let peerV6 = try Peer(ip: loopbackV6)
        let driver = ScriptedDriver()
        driver.echoes = true
        driver.isDone = { $0.datagrams.count == 3 }
        peer.send(Array("first".utf8), to: loop.sockets.bound[0])
        peerV6.send(Array("second".utf8), to: loop.sockets.bound[1])
        peer.send(Array("third".utf8), to: loop.sockets.bound[2])
        loop.run(driver)
        let byListener = driver.datagrams.sorted { $0.1.listener < $1.1.listener }
        #expect(byListener.map(\.1.listener) == [0, 1, 2])
        #expect(byListener.map(\.1.remote) == [peer.endpoint, peerV6.endpoint, peer.endpoint])
        #expect(peerV6.receive() == Array("second".utf8))
        let echoes = Set([peer.receive(), peer.receive()])
        #expect(echoes == [Array("first".utf8), Array("third".utf8)])
    }

    @Test(arguments: [5, 1472, 9000, 65_507])
    func everySizeArrivesWhole(size: Int) throws {
        let loop = try makeLoop()
        let peer = try Peer()
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let driver = ScriptedDriver()
        driver.echoes = true
        driver.isDone = { !$0.datagrams.isEmpty }
        peer.send(bytes, to: loop.sockets.bound[0])
        loop.run(driver)
        #expect(driver.datagrams.first?.0 == bytes)
        #expect(peer.receive() == bytes)
    }

    @Test func keepAlivesAreCountedAndToldUnread() throws {
        let loop = try makeLoop()
        let peer = try Peer()
        let driver = ScriptedDriver()
        driver.isDone = { !$0.datagrams.isEmpty }
        for bytes in [[], [0], Array("\r\n\r\n".utf8), Array("hello".utf8)] {
            peer.send(bytes, to: loop.sockets.bound[0])
        }
        loop.run(driver)
        #expect(driver.datagrams.map(\.0) == [Array("hello".utf8)])
        #expect(loop.sockets.counters.keepAlives == 3)
        #expect(driver.keepAlives == Array(repeating: driver.datagrams[0].1, count: 3))
    }

    @Test func moreThanABatchIsTakenInTurnsInOrder() throws {
        let count = TransportLimits.batch * 2 + 3
        let loop = try makeLoop()
        let peer = try Peer()
        let driver = ScriptedDriver()
        driver.echoes = true
        driver.isDone = { $0.datagrams.count == count }
        let sent = (0..<count).map { Array("datagram \($0)".utf8) }
        for bytes in sent { peer.send(bytes, to: loop.sockets.bound[0]) }
        loop.run(driver)
        #expect(driver.datagrams.map(\.0) == sent)
        #expect(driver.turns == 3)
        #expect((0..<count).map { _ in peer.receive() } == sent)
    }

    @Test func aWholeBatchAsksForTheNextTurnAtOnce() throws {
        let count = TransportLimits.batch * 2 + 3
        let loop = try makeLoop([loopback, loopback])
        let peer = try Peer()
        let driver = ScriptedDriver()
        // The other socket has nothing, which says nothing of this one.
        for number in 0..<count {
            peer.send(Array("datagram \(number)".utf8), to: loop.sockets.bound[0])
        }
        driver.isDone = { $0.datagrams.count == count }
        loop.run(driver)
        #expect(driver.behind == [true, true, false])
    }

    @Test func aBatchIsWholeWhateverIsInIt() throws {
        let loop = try makeLoop([loopback])
        let peer = try Peer()
        let driver = ScriptedDriver()
        // A keep-alive takes the place of a datagram that waits behind it.
        for number in 0..<TransportLimits.batch {
            peer.send(
                Array((number == 7 ? "\r\n" : "datagram \(number)").utf8),
                to: loop.sockets.bound[0])
        }
        driver.isDone = { _ in true }
        loop.run(driver)
        #expect(driver.datagrams.count == TransportLimits.batch - 1)
        #expect(driver.keepAlives.count == 1)
        #expect(driver.behind == [true])
    }

    @Test func turnsAreASpacingApartUnlessTheLoopIsBehind() {
        typealias Tested = Loop<ScriptedDriver>
        let half = Instant.Span(nanoseconds: Tested.spacing.nanoseconds / 2)
        #expect(Tested.pause(after: .zero, isBehind: false) == Tested.spacing)
        #expect(Tested.pause(after: half, isBehind: false) == Tested.spacing - half)
        #expect(Tested.pause(after: Tested.spacing, isBehind: false) == .zero)
        #expect(Tested.pause(after: .seconds(5), isBehind: false) == .zero)
        for elapsed in [.zero, half, Tested.spacing] {
            #expect(Tested.pause(after: elapsed, isBehind: true) == .zero)
        }
    }

    @Test func moreThanABatchLeavesInOrder() throws {
        let count = TransportLimits.batch + 7
        let loop = try makeLoop()
        let peer = try Peer()
        let driver = ScriptedDriver()
        let sent = (0..<count).map { Array("datagram \($0)".utf8) }
        let flow = Flow(transport: .udp, listener: 0, remote: peer.endpoint)
        driver.outgoing = sent.map { ($0, flow) }
        driver.isDone = { _ in true }
        loop.run(driver)
        #expect((0..<count).map { _ in peer.receive() } == sent)
        #expect(loop.sockets.counters.sent == UInt64(count))
    }

    @Test func mailFromAnotherThreadEndsTheWaitAndKeepsItsOrder() throws {
        let loop = try makeLoop()
        let mailbox = loop.mailbox
        let driver = ScriptedDriver()
        let thread = Thread {
            for number in 0..<1000 { mailbox.post(.number(number)) }
            mailbox.post(.stop)
        }
        thread.start()
        loop.run(driver)
        #expect(driver.messages == (0..<1000).map { .number($0) } + [.stop])
    }

    @Test func deadlineEndsTheWaitAndNeverBeforeItsTime() throws {
        let loop = try makeLoop()
        let driver = ScriptedDriver()
        let deadline = MonotonicClock.now() + .milliseconds(30)
        driver.deadline = deadline
        driver.isDone = { $0.now >= deadline }
        loop.run(driver)
        #expect(driver.now >= deadline)
        // The first turn is due at once, the second at the deadline.
        #expect(driver.turns == 2)
    }

    @Test func portInUseIsSaidWithItsAddress() throws {
        let loop = try makeLoop()
        let bound = loop.sockets.bound[0]
        #expect {
            try Loop<ScriptedDriver>(listeningOn: [bound])
        } throws: { error in
            let text = (error as? TransportError)?.description ?? ""
            return text.contains("udp \(bound)") && text.contains("another program has this port")
        }
    }
}
