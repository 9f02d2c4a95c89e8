import Charging
import SIP
import Testing

@testable import Switching

/// A wall clock that is set by hours while calls run.
@Suite struct ClockStepTests {
    @Test(arguments: [-3 * 3600, 3 * 3600])
    func registrationsLastAsLongAsTheyWereMadeFor(seconds: Int64) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        site.pass(.seconds(1800))
        let stepped = site.sw.wallClock.microseconds(at: site.now) + seconds * 1_000_000
        site.handle(
            .wallClockRead(
                WallClock(instant: site.now, unixMicroseconds: stepped, utcOffset: 28_800)))
        site.pass(.seconds(1700))
        try site.crash(.process(.seconds(1)))
        try phones[0].call("8002", at: &site)
        #expect(site.said(phones[1].endpoint) == "INVITE")
        try phones[0].cancel(at: &site)
        site.pass(.seconds(200))
        _ = site.all(phones[0].endpoint)
        try phones[0].call("8002", at: &site, id: "2")
        #expect(site.said(phones[0].endpoint) == "100 480")
    }
}
