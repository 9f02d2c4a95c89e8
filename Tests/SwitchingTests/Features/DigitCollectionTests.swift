import SIP
import Testing

@testable import Switching

/// Digits keyed in during a call, as a machine, and the INFO requests that bring them.
@Suite struct DigitCollectionTests {
    private let start = Instant(nanoseconds: 0)
    private func at(_ seconds: Int) -> Instant { start + .seconds(seconds) }

    private func press(
        _ keys: String, _ machine: inout DigitCollection, from second: Int = 0
    ) throws -> DigitCollection.Action {
        var action = DigitCollection.Action.wait
        for (place, byte) in keys.utf8.enumerated() {
            let key = try #require(KeyPress(byte))
            action = machine.keyPressed(key, now: at(second + place))
        }
        return action
    }

    @Test(arguments: [
        ("1234#", DigitCollection.Action.collected("1234")), ("12345678", .collected("12345678")),
        ("99*1234#", .collected("1234")), ("12#", .gaveUp(.tooFew)), ("#", .gaveUp(.nothingKeyed)),
        ("1234", .wait),
    ])
    func keysMakeAnEntry(keys: String, action: DigitCollection.Action) throws {
        var machine = DigitCollection(lengths: 4...8, now: start)
        #expect(try press(keys, &machine) == action)
    }

    @Test func aPauseEndsAnEntryThatIsLongEnough() throws {
        var machine = DigitCollection(lengths: 4...8, now: start)
        #expect(try press("1234", &machine) == .wait)
        #expect(machine.deadline == at(8))
        #expect(machine.deadlineReached(now: at(7)) == .wait)
        #expect(machine.deadlineReached(now: at(8)) == .collected("1234"))
        #expect(machine.deadline == .distantFuture)
    }

    @Test func silenceAndTooFewKeysGiveUp() throws {
        var silent = DigitCollection(lengths: 4...8, now: start)
        #expect(silent.deadline == at(10))
        #expect(silent.deadlineReached(now: at(10)) == .gaveUp(.nothingKeyed))
        var short = DigitCollection(lengths: 4...8, now: start)
        #expect(try press("123", &short) == .wait)
        #expect(short.deadlineReached(now: at(7)) == .gaveUp(.tooFew))
    }

    @Test func theWholeEntryHasALimitHoweverOftenItIsBegunAnew() throws {
        var machine = DigitCollection(lengths: 4...8, now: start)
        #expect(try press("1*1*1*1*1*1*1*1*1*1*1*1*1*12", &machine) == .wait)
        #expect(machine.deadline == at(30))
    }

    @Test func aKeyAfterTheEndChangesNothing() throws {
        var machine = DigitCollection(lengths: 4...4, now: start)
        #expect(try press("1234", &machine) == .collected("1234"))
        #expect(try press("5#", &machine) == .wait)
    }

    @Test(arguments: [
        ("application/dtmf-relay", "Signal=5\nDuration=160\n", KeyPress.digit(53)),
        ("application/dtmf-relay", "signal= * \n", .star),
        ("application/dtmf-relay", "Signal=11\n", .hash), ("application/dtmf", "0", .digit(48)),
        ("Application/DTMF", "10\n", .star),
    ])
    func anInfoBringsAKey(type: String, body: String, key: KeyPress) throws {
        #expect(KeyPress(info: try info(type, body)) == key)
    }

    @Test(arguments: [
        ("application/dtmf-relay", "Duration=160\n"), ("application/dtmf-relay", "Signal=16\n"),
        ("application/dtmf", "A"), ("application/dtmf", ""), ("text/plain", "5"),
    ])
    func whatIsNoKeyIsNone(type: String, body: String) throws {
        #expect(KeyPress(info: try info(type, body)) == nil)
    }

    @Test func eventsOfRFC4733AreKeys() {
        #expect((0...12).map { KeyPress(event: $0) }.last == .some(nil))
        #expect(KeyPress(event: 7) == .digit(55) && KeyPress(event: 10) == .star)
        #expect(KeyPress(event: 11) == .hash)
    }

    private func info(_ type: String, _ body: String) throws -> Message {
        let text = """
            INFO sip:127.0.0.1 SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-1
            From: <sip:a@b>;tag=1
            To: <sip:b@b>;tag=2
            Call-ID: 1
            CSeq: 1 INFO
            Content-Type: \(type)
            Content-Length: \(body.replacing("\n", with: "\r\n").utf8.count)

            \(body)
            """
        return try Message(parsing: Array(text.replacing("\n", with: "\r\n").utf8))
    }
}
