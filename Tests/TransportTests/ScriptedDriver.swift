import Glibc
import SIP
import Testing

@testable import Transport

/// Notes what the loop tells it, and ends the loop when `isDone` says so, or after five seconds.
final class ScriptedDriver: LoopDriver {
    enum Message: Sendable, Equatable { case send([UInt8], Flow), stop, number(Int) }

    var datagrams: [([UInt8], Flow)] = []
    var keepAlives: [Flow] = []
    var failures: [Flow] = []
    var undelivered: [(quote: [UInt8], flow: Flow)] = []
    var messages: [Message] = []
    var turns = 0
    /// What each turn said of it.
    var behind: [Bool] = []
    var now = Instant(nanoseconds: 0)
    var outgoing: [([UInt8], Flow)] = []
    var deadline = Instant.distantFuture
    var echoes = false
    var isDone: (ScriptedDriver) -> Bool = { _ in false }
    private let patienceEnds = MonotonicClock.now() + .seconds(5)

    func turnBegan(now: Instant) {
        #expect(now >= self.now)
        self.now = now
        turns += 1
    }

    func datagramReceived(_ bytes: consuming [UInt8], on flow: Flow) {
        if echoes { outgoing.append((bytes, flow)) }
        datagrams.append((bytes, flow))
    }

    func keepAliveReceived(on flow: Flow) { keepAlives.append(flow) }

    func transportFailed(_ flow: Flow) { failures.append(flow) }

    func undelivered(_ quote: consuming [UInt8], on flow: Flow) {
        undelivered.append((quote, flow))
    }

    func messageReceived(_ message: consuming Message) {
        if case .send(let bytes, let flow) = message { outgoing.append((bytes, flow)) }
        messages.append(message)
    }

    func turnEnded(sockets: DatagramSockets, isBehind: Bool) -> Instant? {
        behind.append(isBehind)
        for (bytes, flow) in outgoing { sockets.send(bytes, on: flow) }
        outgoing.removeAll()
        if isDone(self) || messages.contains(.stop) || now >= patienceEnds { return nil }
        return min(deadline, patienceEnds)
    }
}
