import Charging
import SIP
import Testing

@testable import Switching

/// Answered calls across a crash: kill -9, a loss of power, an upgrade by restart. National calls cost
/// 0.07 for each begun 6 s; 30 s are held ahead.
@Suite struct RecoveryTests {
    @Test func aCallGoesOnAndIsChargedOnceForItsWholeLength() throws {
        var (site, phone, gateway) = try Site.talking()
        try site.crash(.process(.seconds(3)))
        #expect(site.sw.calls.count == 1 && site.records.isEmpty)
        #expect(site.sw.ledger.reserved(account: "a") == Amount("0.35"))
        #expect(site.sw.trunks["ip-e1"]?.channelsInUse == 1)
        #expect(site.sw.callsOfExtension == ["8001": 1])

        site.pass(.milliseconds(500))
        phone.send("BYE", at: &site)
        #expect(site.said(phone.endpoint).contains("200"))
        let bye = try site.nextButCheck(Site.e1)
        #expect(bye.method == .bye && bye.cseqNumber > 100_000)
        #expect(bye.callID.elementsEqual(gateway.callID.utf8))
        #expect(bye.toTag?.elementsEqual(gateway.tag.utf8) == true)
        gateway.answer(bye, 200, at: &site)
        let record = try #require(site.records.first)
        #expect(site.records.count == 1 && record.releasedBy == .caller)
        #expect(record.billedMs == 13_500 && record.charge == Amount("0.21"))
        #expect(record.durationMs == 13_500 && record.disposition == .answered)
        #expect(site.postings.map(\.amount) == [-(try #require(Amount("0.21")))])
        #expect(site.isIdle)
    }

    @Test func theCalleeHangsUpAfterTheRestart() throws {
        var (site, phone, gateway) = try Site.talking()
        try site.crash(.process(.seconds(1)))
        gateway.send("BYE", at: &site)
        #expect(site.said(Site.e1).contains("200"))
        #expect(try site.nextButCheck(phone.endpoint).method == .bye)
        #expect(site.records.first?.releasedBy == .callee && site.isIdle)
    }

    @Test func requestsInsideTheDialogsPassBothWays() throws {
        var (site, phone, gateway) = try Site.talking()
        try site.crash(.process(.seconds(1)))
        for method in ["INFO", "UPDATE", "INVITE"] {
            phone.send(method, at: &site, body: Party.offer)
            let passed = try site.nextButCheck(Site.e1)
            #expect(passed.method == Method(method) && passed.cseqNumber > 100_000)
            gateway.answer(passed, 200, at: &site, body: Party.offer, tag: gateway.tag)
            let answer = try #require(site.all(phone.endpoint).last)
            #expect(answer.status == 200)
            if method == "INVITE" {
                phone.acknowledge(answer, at: &site)
                _ = site.all(Site.e1)
            }
        }
        gateway.cseq = 1
        gateway.send("INFO", at: &site)
        #expect(try site.next(phone.endpoint).method == .info)
        #expect(site.sw.calls.count == 1)
    }

    @Test func moreMoneyIsHeldAfterTheRestartAndTheCallIsCutWhenItIsUsedUp() throws {
        var (site, phone, _) = try Site.talking(balance: "0.49")
        try site.crash(.process(.seconds(5)))
        site.pass(.milliseconds(26_900))
        #expect(!site.said(phone.endpoint).contains("BYE"))
        site.pass(.milliseconds(200))
        #expect(site.said(phone.endpoint).contains("BYE"))
        let record = try #require(site.records.first)
        #expect(record.billedMs == 42_000 && record.charge == Amount("0.49"))
        #expect(record.endReason == "Balance used up")
        #expect(site.sw.ledger.account("a")?.balance == .zero)
    }

    /// A hang-up that was told is durable; one that was not is told again by the phone.
    @Test func aHangUpThatWasNotDurableComesAgain() throws {
        var (site, phone, _) = try Site.talking()
        site.diskIsQuick = false
        phone.send("BYE", at: &site)
        #expect(site.said(phone.endpoint) == "" && site.records.count == 1)
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        #expect(site.records.isEmpty && site.sw.calls.count == 1)
        _ = site.all(phone.endpoint)
        phone.send("BYE", at: &site, cseq: phone.cseq)
        #expect(site.said(phone.endpoint) == "200")
        #expect(site.records.count == 1 && site.records[0].billedMs == 11_000 && site.isIdle)
    }

    @Test func aHangUpIsToldAtOnceWhileTheDiskRefuses() throws {
        var (site, phone, _) = try Site.talking()
        site.diskIsQuick = false
        phone.send("BYE", at: &site)
        site.handle(.commitFailed(through: site.sw.lastTicket, reason: "disk full"))
        #expect(site.said(phone.endpoint) == "200")
    }

    @Test func aSecondCrashFindsTheSameCall() throws {
        var (site, phone, _) = try Site.talking()
        try site.crash(.process(.seconds(2)))
        try site.crash(.process(.seconds(2)))
        phone.send("BYE", at: &site)
        #expect(site.records.count == 1 && site.records[0].billedMs == 14_000)
        try site.crash(.process(.seconds(2)))
        #expect(site.records.count == 1 && site.isIdle)
    }

    /// The journal is that of the answer: what the first restart used is written nowhere.
    @Test func numbersMoveForwardWithEveryRestart() throws {
        var (site, phone, gateway) = try Site.talking()
        var last: UInt32 = 0
        for _ in 1...3 {
            try site.crash(.process(.seconds(1)))
            phone.send("INFO", at: &site)
            let passed = try site.nextButCheck(Site.e1)
            #expect(passed.method == .info && passed.cseqNumber > last)
            last = passed.cseqNumber
            gateway.answer(passed, 200, at: &site, tag: gateway.tag)
        }
        #expect(site.sw.calls.count == 1)
    }

    @Test func aCallInsideGoesOnAndHoldsBothExtensions() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        try site.crash(.process(.seconds(2)))
        #expect(site.sw.callsOfExtension == ["8001": 1, "8002": 1])
        try phones[2].call("8002", at: &site)
        #expect(site.said(phones[2].endpoint) == "100 486")
        phones[1].send("BYE", at: &site)
        #expect(site.isIdle)
    }

    @Test func aLineStaysInUse() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.pstn
        try site.connected(&phone, dials: "86035566", through: &gateway)
        #expect(site.sw.linesInUse.count == 1)
        let lines = site.sw.linesInUse
        try site.crash(.process(.seconds(1)))
        #expect(site.sw.linesInUse == lines)
        phone.send("BYE", at: &site)
        #expect(site.isIdle)
    }

    @Test func aCallKeepsItsPriceWhateverTariffIsThereAfterTheRestart() throws {
        var (site, phone, _) = try Site.talking()
        let dear = Tariff.parse(
            csv: Array("prefix,name,connect_fee,steps\n0,national,0,9.99/6\n".utf8),
            file: "tariff.csv")
        site.disk.tariffs = TariffBook(try #require(dear.tariff))
        try site.crash(.process(.seconds(3)))
        phone.send("BYE", at: &site)
        #expect(site.records.first?.charge == Amount("0.21"))
        #expect(site.records.first?.billedMs == 13_000)
    }

    /// A top-up that was told survives; one that was not durable never happened.
    @Test func moneyThatWasToldIsThereAndNoOther() throws {
        var site = try Site(balance: "1.00")
        func topUp(_ id: String) throws -> ControlRequest {
            .accountToppedUp(
                MoneyChange(
                    id: id, account: "a", amount: try #require(Amount("2.00")), note: ""))
        }
        guard case .done = site.request(try topUp("told")) else {
            Issue.record("the top-up was refused")
            return
        }
        site.diskIsQuick = false
        #expect(site.request(try topUp("lost")) == nil)
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        #expect(site.sw.ledger.account("a")?.balance == Amount("3.00"))
        guard case .done(let again) = site.request(try topUp("told")),
            case .done = site.request(try topUp("lost"))
        else {
            Issue.record("a top-up was refused")
            return
        }
        #expect(again.contains("done before"))
        #expect(site.sw.ledger.account("a")?.balance == Amount("5.00"))
    }

    @Test func aCallFromOutsideHoldsItsChannelAndItsLine() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.pstn
        try gateway.callUnasked("66778001", from: "13900001111", at: &site)
        phone.answer(try site.next(phone.endpoint), 200, at: &site, body: Party.offer)
        gateway.acknowledge(try #require(site.all(Site.pstn).last), at: &site)
        let before = try #require(site.sw.trunks["pstn"])
        #expect(before.channelsInUse == 1 && site.sw.linesInUse.count == 1)
        try site.crash(.process(.seconds(1)))
        let after = try #require(site.sw.trunks["pstn"])
        #expect(after.channelsInUse == 1 && site.sw.linesInUse.count == 1)
        #expect(after.channels.takenNumbers == before.channels.takenNumbers)
        gateway.send("BYE", at: &site)
        #expect(site.said(Site.pstn).contains("200"))
        #expect(site.records.first?.direction == .inbound && site.isIdle)
    }

    // MARK: Who hung up meanwhile

    @Test func aSideThatIsGoneIsFoundOut() throws {
        var (site, phone, gateway) = try Site.talking()
        try site.crash(.process(.seconds(2)))
        site.pass(.seconds(2))
        let check = try #require(site.all(phone.endpoint).first { $0.method == .info })
        #expect(check.toTag?.elementsEqual(phone.tag.utf8) == true)
        phone.answer(check, 481, at: &site)
        let atGateway = site.all(Site.e1).filter { $0.method != .ack }
        #expect(Set(atGateway.map(\.method)) == [.info, .bye])
        gateway.answer(atGateway[0], 200, at: &site)
        #expect(site.records.count == 1 && site.isIdle)
    }

    @Test func aSideThatDoesNotKnowINFOIsStillThere() throws {
        var (site, phone, _) = try Site.talking()
        try site.crash(.process(.seconds(2)))
        site.pass(.seconds(2))
        let check = try #require(site.all(phone.endpoint).first { $0.method == .info })
        phone.answer(check, 405, at: &site)
        #expect(site.sw.calls.count == 1 && site.records.isEmpty)
    }
}
