import SIP
import Testing

@testable import Switching

/// Hysteresis of signals that are asked for.
@Suite struct ProbeHealthTests {
    let start = Instant(nanoseconds: 0)

    private func play(_ signs: String) -> String {
        var health = ProbeHealth(now: start)
        return signs.map { sign in
            if sign == "+" {
                health.answered("up", again: "again", answersToUp: 2, now: start)
            } else if sign == "-" {
                health.failed("dead", failuresToDown: 2, now: start)
            } else {
                health.lost("unreadable", now: start)
            }
            return String(health.stateName.first ?? "?")
        }.joined()
    }

    @Test(arguments: [
        // signs, states: unknown, up, down
        ("+", "u"), ("-", "u"), ("--", "ud"), ("+--", "uud"), ("+-+-+-", "uuuuuu"),
        ("--+", "udd"), ("--++", "uddu"), ("--+-+-+-", "uddddddd"), ("--?+", "uduu"),
        ("++?--", "uuuud"),
    ])
    func oneSignChangesNothing(signs: String, states: String) {
        #expect(play(signs) == states)
    }

    @Test func itSaysSinceWhenAndWhy() {
        var health = ProbeHealth(now: start)
        health.failed("a", failuresToDown: 1, now: start + .seconds(5))
        health.failed("b", failuresToDown: 1, now: start + .seconds(9))
        #expect(health.since == start + .seconds(5) && health.reason == "b")
    }

    @Test(
        arguments: [
            (1, []), (65_536, []), (64, ["loss of signal"]),
            (8 | 2, ["far end reports loss of frame", "receives AIS"]),
            (16_384, ["equipment out of service"]),
        ] as [(UInt32, [String])])
    func theBitsOfRFC4805MeanAlarms(status: UInt32, alarms: [String]) {
        #expect(SpanStatus(rawValue: status).alarms == alarms)
    }
}
