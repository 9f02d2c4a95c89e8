import Charging
import SIP
import Testing

@testable import Switching

/// The paid time across a crash, whatever the clocks say. National calls cost 0.07 for each begun 6 s;
/// 30 s are held ahead.
@Suite struct RecoveryClockTests {
    @Test func paidTimeThatEndedMeanwhileCutsTheCallAtOnceForWhatWasHeld() throws {
        var (site, phone, _) = try Site.talking()
        try site.crash(.process(.seconds(3600)))
        for endpoint in [phone.endpoint, Site.e1] {
            let bye = try site.next(endpoint)
            let reason = String(decoding: bye.value(.reason) ?? [], as: UTF8.self)
            #expect(bye.method == .bye && reason.contains("paid time ended"))
        }
        let record = try #require(site.records.first)
        #expect(record.charge == Amount("0.35") && record.billedMs == 30_000)
        #expect(record.releasedBy == .switch && site.isIdle)
        #expect(site.sw.ledger.account("a")?.balance == Amount("99.65"))
    }

    /// While the machine runs on, what is done to the wall clock changes nothing.
    @Test(arguments: [-7200, -60, 60, 7200])
    func aWallClockSetWhileTheProcessWasDownChangesNoLength(seconds: Int) throws {
        var (site, phone, _) = try Site.talking()
        site.handle(
            .wallClockRead(
                WallClock(
                    instant: site.now,
                    unixMicroseconds: site.sw.wallTime + Int64(seconds) * 1_000_000,
                    utcOffset: 28_800)))
        try site.crash(.process(.seconds(4)))
        phone.send("BYE", at: &site)
        #expect(site.records.first?.billedMs == 14_000)
        #expect(site.records.first?.charge == Amount("0.21"))
    }

    @Test func afterANewStartOfTheMachineTheWallClockTells() throws {
        var (site, phone, _) = try Site.talking()
        try site.crash(.machine(wallStep: .seconds(8)))
        phone.send("BYE", at: &site)
        #expect(site.records.first?.billedMs == 18_000)
        #expect(site.records.first?.charge == Amount("0.21"))
    }

    /// Nobody can say how long it was: no free time is given, and no more is charged than was held.
    @Test func aWallClockThatStandsBeforeTheJournalEndsThePaidTime() throws {
        var (site, phone, _) = try Site.talking()
        try site.crash(.machine(wallStep: .seconds(-7200)))
        #expect(try site.next(phone.endpoint).method == .bye)
        #expect(site.records.first?.charge == Amount("0.35") && site.isIdle)
    }

    @Test func aWallClockFarAheadChargesNoMoreThanWasHeld() throws {
        var (site, phone, _) = try Site.talking()
        try site.crash(.machine(wallStep: .seconds(86_400 * 365 * 30)))
        #expect(try site.next(phone.endpoint).method == .bye)
        #expect(site.records.first?.charge == Amount("0.35") && site.isIdle)
    }
}
