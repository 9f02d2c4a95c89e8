import Charging
import SIP
import Testing

@testable import Switching

/// What the journal of a running call holds, and what becomes of one that cannot be read.
@Suite struct RunningCallTests {
    @Test func aPhoneThatMovedIsReachedWhereItIs() throws {
        var (site, phone, gateway) = try Site.talking()
        let moved = Endpoint(text: "127.0.0.1:23456")
        phone.send("INFO", at: &site, from: moved)
        gateway.answer(try site.next(Site.e1), 200, at: &site)
        try site.crash(.process(.seconds(1)))
        gateway.send("BYE", at: &site)
        #expect(try site.nextButCheck(moved).method == .bye)
    }

    @Test func aJournalOfAnotherVersionIsClosedWithItsMoneyRight() throws {
        var (site, _, _) = try Site.talking()
        var stored = try Site.stored()
        var running = try #require(site.journals.last)
        running.state = [9, 1, 2, 3]
        stored.runningCalls = [running]
        site = try Site(stored: stored, settings: Site.settings())
        let record = try #require(site.records.first)
        #expect(record.endReason == "Interrupted by a restart" && site.records.count == 1)
        #expect(record.charge <= running.reserved && record.charge.isPositive && site.isIdle)
    }

    /// A version that knew no methods said in the session alone that a side takes UPDATE, and one that
    /// knows no such field passes over it.
    @Test func aJournalOfBeforeMethodsSaysWhoTakesUPDATE() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call(
            "8002", at: &site,
            extra: "Supported: timer\nAllow: INVITE, UPDATE\nSession-Expires: 200;refresher=uas\n")
        phones[1].answer(
            try site.invite(phones[1]), 200, at: &site, extra: "Allow: INVITE\n",
            body: Party.offer)
        let state = try #require(site.journals.last).state
        let read = try #require(CallState(serialized: state))
        #expect(read.caller.methods == [.update, .lacksInfo])
        #expect(read.callee?.methods == .lacksInfo)
        // Its last field: a tag, four bytes of length, both sides in one byte.
        #expect(state.suffix(6).elementsEqual([26, 1, 0, 0, 0, 0b1011]))
        let old = try #require(CallState(serialized: Array(state.dropLast(6))))
        #expect(old.caller.methods == .update && old.callee?.methods == [])
        #expect(old.caller.session?.seconds == 200 && old.caller.session?.isOurs == true)
    }

    /// A version that knew nothing of hidden callers wrote no such field.
    @Test func aJournalOfBeforeHiddenCallersHidesNobody() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: "Privacy: id\n")
        phones[1].answer(try site.invite(phones[1]), 200, at: &site, body: Party.offer)
        let state = try #require(site.journals.last).state
        let read = try #require(CallState(serialized: state))
        #expect(read.caller.isHidden && read.callee?.isHidden == false)
        // Its last field: a tag, four bytes of length, both sides in one byte.
        #expect(state.suffix(6).elementsEqual([27, 1, 0, 0, 0, 1]))
        let old = try #require(CallState(serialized: Array(state.dropLast(6))))
        #expect(!old.caller.isHidden && old.callee?.localTag == read.callee?.localTag)
    }

    /// Whatever bytes stand in the journal, they are read or refused.
    @Test func aJournalCutAnywhereIsRefusedAndNeverTraps() throws {
        let (site, _, _) = try Site.talking()
        let whole = try #require(site.journals.last).state
        #expect(CallState(serialized: whole) != nil)
        for length in 0..<whole.count {
            let cut = CallState(serialized: Array(whole.prefix(length)))
            if let cut { #expect(cut.clocks.sinceStart >= .zero) }
        }
        for place in stride(from: 0, to: whole.count, by: 7) {
            var bent = whole
            bent[place] ^= 0xff
            _ = CallState(serialized: bent)
        }
    }
}
