import Charging
import SIP
import Testing

@testable import Switching

/// Calls across a crash: kill -9, a loss of power, an upgrade by restart. National calls cost 0.07 for
/// each begun 6 s; 30 s are held ahead.
@Suite struct RecoveryTests {
    /// A paid call that has talked for ten seconds: 30 s of it are held.
    private func talking(
        balance: String = "100", change: (inout StoredState) -> Void = { $0.boot = 5 }
    ) throws -> (site: Site, phone: Party, gateway: Party) {
        var site = try Site(balance: balance, change: change)
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        site.pass(.seconds(10))
        return (site, phone, gateway)
    }

    // MARK: Answered calls go on

    @Test func aCallGoesOnAndIsChargedOnceForItsWholeLength() throws {
        var (site, phone, gateway) = try talking()
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
        var (site, phone, gateway) = try talking()
        try site.crash(.process(.seconds(1)))
        gateway.send("BYE", at: &site)
        #expect(site.said(Site.e1).contains("200"))
        #expect(try site.nextButCheck(phone.endpoint).method == .bye)
        #expect(site.records.first?.releasedBy == .callee && site.isIdle)
    }

    @Test func requestsInsideTheDialogsPassBothWays() throws {
        var (site, phone, gateway) = try talking()
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
        var (site, phone, _) = try talking(balance: "0.49")
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
        var (site, phone, _) = try talking()
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
        var (site, phone, _) = try talking()
        site.diskIsQuick = false
        phone.send("BYE", at: &site)
        site.handle(.commitFailed(through: site.sw.lastTicket, reason: "disk full"))
        #expect(site.said(phone.endpoint) == "200")
    }

    @Test func aSecondCrashFindsTheSameCall() throws {
        var (site, phone, _) = try talking()
        try site.crash(.process(.seconds(2)))
        try site.crash(.process(.seconds(2)))
        phone.send("BYE", at: &site)
        #expect(site.records.count == 1 && site.records[0].billedMs == 14_000)
        try site.crash(.process(.seconds(2)))
        #expect(site.records.count == 1 && site.isIdle)
    }

    /// The journal is that of the answer: what the first restart used is written nowhere.
    @Test func numbersMoveForwardWithEveryRestart() throws {
        var (site, phone, gateway) = try talking()
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
        var (site, phone, _) = try talking()
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

    // MARK: The clocks

    @Test func paidTimeThatEndedMeanwhileCutsTheCallAtOnceForWhatWasHeld() throws {
        var (site, phone, _) = try talking()
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
        var (site, phone, _) = try talking()
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
        var (site, phone, _) = try talking()
        try site.crash(.machine(wallStep: .seconds(8)))
        phone.send("BYE", at: &site)
        #expect(site.records.first?.billedMs == 18_000)
        #expect(site.records.first?.charge == Amount("0.21"))
    }

    /// Nobody can say how long it was: no free time is given, and no more is charged than was held.
    @Test func aWallClockThatStandsBeforeTheJournalEndsThePaidTime() throws {
        var (site, phone, _) = try talking()
        try site.crash(.machine(wallStep: .seconds(-7200)))
        #expect(try site.next(phone.endpoint).method == .bye)
        #expect(site.records.first?.charge == Amount("0.35") && site.isIdle)
    }

    @Test func aWallClockFarAheadChargesNoMoreThanWasHeld() throws {
        var (site, phone, _) = try talking()
        try site.crash(.machine(wallStep: .seconds(86_400 * 365 * 30)))
        #expect(try site.next(phone.endpoint).method == .bye)
        #expect(site.records.first?.charge == Amount("0.35") && site.isIdle)
    }

    // MARK: Between the answer and its ACK

    @Test func theAnswerIsSentAgainUntilItsACK() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        // The 200 and the ACK have left, and nobody has got them.
        try site.crash(.process(.seconds(1)))
        let answer = try site.next(phone.endpoint)
        #expect(answer.status == 200 && answer.body.elementsEqual(crlf(Party.offer)))
        site.pass(.milliseconds(600))
        let again = try site.next(phone.endpoint)
        #expect(again.status == 200)
        phone.acknowledge(again, at: &site)
        site.pass(.seconds(5))
        #expect(!site.all(phone.endpoint).contains { !$0.isRequest })
        // The callee's 200 comes again and is acknowledged in its dialog.
        _ = site.all(Site.e1)
        let invite = try #require(gateway.invite)
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        let ack = try site.next(Site.e1)
        #expect(ack.method == .ack && ack.cseqNumber == 1)
        phone.send("BYE", at: &site)
        #expect(site.records.count == 1)
    }

    @Test func theINVITEThatComesAgainIsTheSameCall() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        try site.crash(.process(.seconds(1)))
        _ = site.all(phone.endpoint)
        site.deliver(
            String(decoding: try #require(phone.invite).bytes, as: UTF8.self).replacing(
                "\r\n", with: "\n"), from: phone.endpoint)
        #expect(site.said(phone.endpoint) == "" && site.said(Site.e1) == "")
        #expect(site.sw.calls.count == 1)
    }

    /// The ACK may have come before the crash: that it does not come again says nothing.
    @Test func aCallerThatDoesNotAcknowledgeAgainKeepsItsCall() throws {
        var (site, phone, gateway) = try talking()
        try site.crash(.process(.seconds(1)))
        for _ in 0..<120 {
            site.pass(.seconds(1))
            for check in site.all(phone.endpoint) where check.method == .options {
                phone.answer(check, 200, at: &site)
            }
            for check in site.all(Site.e1) where check.method == .options {
                gateway.answer(check, 200, at: &site)
            }
        }
        #expect(site.sw.calls.count == 1 && site.records.isEmpty)
    }

    @Test func anAnswerThatWasNotDurableIsToldToNobody() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        site.diskIsQuick = false
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phone.endpoint) == "100" && site.said(Site.e1) == "")
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        #expect(site.said(phone.endpoint) == "503")
        #expect(site.said(Site.e1) == "CANCEL")
        // Its 200 comes again, since it has no ACK.
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(Site.e1) == "ACK BYE")
        let record = try #require(site.records.first)
        #expect(site.records.count == 1 && record.charge == .zero && site.isIdle)
        #expect(site.sw.ledger.account("a")?.balance == Amount("100"))
    }

    @Test func aLateOfferIsAnsweredThroughTheNewProcess() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site, body: "")
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        try site.crash(.process(.seconds(1)))
        let answer = try site.next(phone.endpoint)
        phone.acknowledge(answer, at: &site, body: Party.offer)
        let ack = try site.next(Site.e1)
        #expect(ack.method == .ack && ack.cseqNumber == 1)
        #expect(ack.body.elementsEqual(crlf(Party.offer)))
    }

    // MARK: Calls that rang

    @Test func aRingingCallEndsOnBothSidesAndHasItsRecord() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        gateway.answer(invite, 180, at: &site)
        try site.crash(.process(.seconds(2)))

        let refusal = try site.next(phone.endpoint)
        #expect(refusal.status == 503 && refusal.cseqNumber == UInt32(phone.cseq))
        #expect(refusal.value(.retryAfter) != nil)
        let reason = String(decoding: refusal.value(.reason) ?? [], as: UTF8.self)
        #expect(reason.contains("Interrupted by a restart"))
        // It comes again until its ACK.
        site.pass(.milliseconds(600))
        #expect(try site.next(phone.endpoint).status == 503)
        phone.established(by: refusal)
        let ack = try #require(phone.invite).ack(for: refusal)
        site.deliver(
            String(decoding: ack, as: UTF8.self).replacing("\r\n", with: "\n"),
            from: phone.endpoint)
        site.pass(.seconds(3))
        #expect(site.said(phone.endpoint) == "")

        let cancel = try site.next(Site.e1)
        #expect(cancel.method == .cancel && cancel.topVia.text == invite.topVia.text)
        #expect(cancel.requestURI.elementsEqual(invite.requestURI))
        _ = site.all(Site.e1)
        gateway.answer(cancel, 200, at: &site)
        gateway.answer(invite, 487, at: &site)
        #expect(site.said(Site.e1) == "ACK")
        let record = try #require(site.records.first)
        #expect(site.records.count == 1 && record.disposition == .failed)
        #expect(record.sipStatus == 503 && record.charge == .zero)
        #expect(record.durationMs == 2000 && record.attempts.first?.outcome == .failed)
        #expect(site.postings.isEmpty && site.isIdle)
    }

    @Test func allPhonesThatRangAreCancelled() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        var second = Party("8002", Endpoint(text: "127.0.0.1:19999"))
        #expect(try second.register(at: &site).status == 200)
        try phones[0].call("8002", at: &site)
        #expect(site.said(phones[1].endpoint) == "INVITE")
        #expect(site.said(second.endpoint) == "INVITE")
        try site.crash(.process(.seconds(1)))
        #expect(site.said(phones[1].endpoint) == "CANCEL")
        #expect(site.said(second.endpoint) == "CANCEL")
        #expect(site.said(phones[0].endpoint) == "503" && site.isIdle)
    }

    @Test func aCancelThatCrossedTheCrashIsAnswered() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        try site.crash(.process(.seconds(1)))
        _ = site.all(phones[0].endpoint)
        try phones[0].cancel(at: &site)
        #expect(site.said(phones[0].endpoint) == "200")
    }

    /// The INVITE was in for some milliseconds only: nothing of it was durable.
    /// Killed before the disk had anything of the call; the callee goes on ringing.
    @Test func aCalleeThatRingsForACallThatWasNotWrittenDownIsTakenBack() throws {
        var site = try Site { $0.boot = 5 }
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        site.diskIsQuick = false
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        try site.crash(.process(.seconds(1)))
        site.diskIsQuick = true
        #expect(site.said(Site.e1) == "" && site.records.isEmpty)

        gateway.answer(invite, 183, at: &site)
        let cancel = try site.next(Site.e1)
        #expect(cancel.method == .cancel && cancel.cseqNumber == invite.cseqNumber)
        #expect(cancel.topVia.text == invite.topVia.text && cancel.toTag == nil)
        #expect(cancel.text(.reason)?.contains("Interrupted by a restart") == true)
        gateway.answer(cancel, 200, at: &site)
        gateway.answer(invite, 487, at: &site)
        #expect(site.said(Site.e1) == "ACK")
        // A stranger makes us send nothing.
        var stranger = Party("stranger", Endpoint(text: "192.0.2.9:5060"))
        stranger.answer(invite, 180, at: &site)
        #expect(site.said(stranger.endpoint) == "")
        try phone.cancel(at: &site)
        #expect(site.said(phone.endpoint) == "481 487")
        site.pass(.seconds(40))
        #expect(site.isIdle && site.sw.ledger.reservationCount == 0 && site.postings.isEmpty)
    }

    @Test func aCallThatWasNotWrittenDownEndsWhenItsSidesSpeak() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        site.diskIsQuick = false
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        #expect(site.sw.calls.count == 0)
        // The callee answers: nobody is there.
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK BYE")
        // It may be another fork that speaks; the one that has had its BYE says 481 to this one.
        phones[1].answer(invite, 200, at: &site, body: Party.offer, tag: "fork")
        let said = site.all(phones[1].endpoint)
        #expect(said.map(\.method) == [.ack, .bye])
        #expect(said.last?.toTag?.elementsEqual("fork".utf8) == true)
        // The caller gives up: that ends its INVITE.
        try phones[0].cancel(at: &site)
        #expect(site.said(phones[0].endpoint) == "481 487")
    }

    /// A table that is full lets nobody talk for free.
    @Test func aStrayAnswerIsHungUpWithoutRoomForATransaction() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        site.diskIsQuick = false
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        func limit(transactions: Int) throws {
            var settings = site.settings
            settings.limits.transactions = transactions
            site.handle(
                .configured(Configuration(settings: settings, plan: try Site.compiledPlan())))
        }
        try limit(transactions: 0)
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        let bye = try site.next(phones[1].endpoint)
        #expect(bye.method == .bye && bye.toTag?.elementsEqual(phones[1].tag.utf8) == true)
        // Nothing repeats it, and nothing keeps the callee from repeating its answer: BYE was lost.
        site.pass(.seconds(2))
        #expect(site.said(phones[1].endpoint) == "")
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "BYE")
        try limit(transactions: 100)
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK BYE")
        site.pass(.seconds(1))
        #expect(site.said(phones[1].endpoint) == "BYE")
    }

    /// Its NAT gave it another port between the INVITE and its answer.
    @Test func aStrayAnswerFromAnotherPortOfAKnownAddressIsHungUp() throws {
        var site = try Site()
        var caller = try site.registered("8001")[0]
        var callee = Party("8002", Endpoint(text: "10.1.1.2:5060"))
        #expect(try callee.register(at: &site).status == 200)
        site.diskIsQuick = false
        try caller.call("8002", at: &site)
        let invite = try site.next(callee.endpoint)
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        var moved = Party("8002", Endpoint(text: "10.1.1.2:5999"))
        moved.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(moved.endpoint) == "ACK BYE")
        // Who is elsewhere knows nothing of that phone.
        var stranger = Party("8002", Endpoint(text: "10.1.1.3:5060"))
        stranger.answer(invite, 200, at: &site, body: Party.offer, tag: "other")
        #expect(site.said(stranger.endpoint) == "" && site.said(callee.endpoint) == "")
    }

    /// The kernel said that nothing arrives there, and it rang all the same.
    @Test func aLateAnswerOfAPhoneWhoseRegistrationHasEndedIsHungUp() throws {
        var site = try Site()
        var caller = try site.registered("8001")[0]
        var callee = Party("8002", Endpoint(text: "10.1.1.2:5060"))
        #expect(try callee.register(at: &site, expires: 60).status == 200)
        site.pass(.seconds(50))
        try caller.call("8002", at: &site)
        let invite = try site.next(callee.endpoint)
        callee.answer(invite, 180, at: &site)
        site.handle(
            .transportFailed(Flow(transport: .udp, listener: 0, remote: callee.endpoint)))
        #expect(site.isIdle)
        site.pass(.seconds(15))
        callee.answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(callee.endpoint) == "ACK BYE")
        // Nobody else is believed to be that phone.
        var stranger = Party("8002", Endpoint(text: "10.9.9.9:5060"))
        stranger.answer(invite, 200, at: &site, body: Party.offer, tag: "other")
        #expect(site.said(stranger.endpoint) == "")
        site.pass(.seconds(60))
        #expect(site.sw.inspection.legs == 0 && site.sw.inspection.retiredLegs == 0)
    }

    @Test func aStrangerCannotMakeUsSend() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        try site.crash(.process(.seconds(1)))
        var stranger = Party("8002", Endpoint(text: "10.9.9.9:5060"))
        stranger.answer(invite, 200, at: &site, body: Party.offer)
        // The INVITE is known from the journal, so it is hung up where it was sent.
        #expect(site.said(stranger.endpoint) == "")
        // Nor is one that was never invited.
        let from = "From: <sip:tandem@127.0.0.1>;tag=aaaaaaaaaaaaa"
        site.deliver(
            """
            SIP/2.0 200 OK
            Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKaaaaaaaaaaaaa
            \(from)
            To: <sip:8002@example.com>;tag=x
            Call-ID: never-heard-of
            CSeq: 1 INVITE
            Contact: <sip:victim@10.8.8.8>
            Content-Length: 0


            """, from: stranger.endpoint)
        #expect(
            site.said(stranger.endpoint) == ""
                && site.inbox.keys.allSatisfy { $0.ip.v4 >> 24 == 127 })
    }

    // MARK: Who hung up meanwhile

    @Test func aSideThatIsGoneIsFoundOut() throws {
        var (site, phone, gateway) = try talking()
        try site.crash(.process(.seconds(2)))
        site.pass(.seconds(2))
        let check = try #require(site.all(phone.endpoint).first { $0.method == .options })
        #expect(check.toTag?.elementsEqual(phone.tag.utf8) == true)
        phone.answer(check, 481, at: &site)
        let atGateway = site.all(Site.e1).filter { $0.method != .ack }
        #expect(Set(atGateway.map(\.method)) == [.options, .bye])
        gateway.answer(atGateway[0], 200, at: &site)
        #expect(site.records.count == 1 && site.isIdle)
    }

    @Test func aSideThatDoesNotKnowOPTIONSIsStillThere() throws {
        var (site, phone, _) = try talking()
        try site.crash(.process(.seconds(2)))
        site.pass(.seconds(2))
        let check = try #require(site.all(phone.endpoint).first { $0.method == .options })
        phone.answer(check, 405, at: &site)
        #expect(site.sw.calls.count == 1 && site.records.isEmpty)
    }

    // MARK: What is kept up to date

    @Test func aPhoneThatMovedIsReachedWhereItIs() throws {
        var (site, phone, gateway) = try talking()
        let moved = Endpoint(text: "127.0.0.1:23456")
        phone.send("INFO", at: &site, from: moved)
        gateway.answer(try site.next(Site.e1), 200, at: &site)
        try site.crash(.process(.seconds(1)))
        gateway.send("BYE", at: &site)
        #expect(try site.nextButCheck(moved).method == .bye)
    }

    @Test func aJournalOfAnotherVersionIsClosedWithItsMoneyRight() throws {
        var (site, _, _) = try talking()
        var stored = try Site.stored()
        var running = try #require(site.journals.last)
        running.state = [9, 1, 2, 3]
        stored.runningCalls = [running]
        site = try Site(stored: stored, settings: Site.settings())
        let record = try #require(site.records.first)
        #expect(record.endReason == "Interrupted by a restart" && site.records.count == 1)
        #expect(record.charge <= running.reserved && record.charge.isPositive && site.isIdle)
    }

    /// Whatever bytes stand in the journal, they are read or refused.
    @Test func aJournalCutAnywhereIsRefusedAndNeverTraps() throws {
        let (site, _, _) = try talking()
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

    // MARK: A slow disk

    @Test func aFreeCallWaitsForTheDiskAMomentOnly() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let invite = try site.next(phones[1].endpoint)
        site.diskIsQuick = false
        phones[1].answer(invite, 200, at: &site, body: Party.offer)
        #expect(site.said(phones[0].endpoint) == "100" && site.said(phones[1].endpoint) == "")
        site.pass(.milliseconds(260))
        #expect(site.said(phones[0].endpoint) == "200" && site.said(phones[1].endpoint) == "ACK")
    }

    @Test func aPaidCallIsRefusedWhenTheDiskSaysNothingAndOPTIONSSaysSo() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        site.diskIsQuick = false
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        site.pass(.milliseconds(3100))
        #expect(site.said(phone.endpoint) == "100 503" && site.said(Site.e1) == "ACK BYE")
        #expect(site.sw.ledger.reservationCount == 0)
        gateway.callID = "options"
        site.deliver(
            """
            OPTIONS sip:127.0.0.1 SIP/2.0
            Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-options;rport
            From: <sip:gateway@127.0.0.1>;tag=1
            To: <sip:127.0.0.1>
            Call-ID: options
            CSeq: 1 OPTIONS
            Content-Length: 0


            """, from: Site.e1)
        let answer = try site.next(Site.e1)
        #expect(answer.status == 503 && answer.value(.retryAfter) != nil)
        // It comes back by itself.
        site.diskIsQuick = true
        site.settle()
        #expect(site.sw.outOfService == nil)
        #expect(site.records.count == 1 && site.records[0].charge == .zero && site.isIdle)
    }

    private func crlf(_ text: String) -> [UInt8] { Array(text.replacing("\n", with: "\r\n").utf8) }
}

/// An upgrade that waits for the last call.
@Suite struct DrainTests {
    @Test func aDrainedSwitchRefusesNewCallsAndKeepsThoseUnderWay() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        guard case .done(let text) = site.request(.drainChanged(isDraining: true)) else {
            Issue.record("not drained")
            return
        }
        #expect(text == "no new calls are taken; 1 are under way")
        try phones[2].call("8004", at: &site)
        let answers = site.all(phones[2].endpoint)
        #expect(answers.map(\.status) == [100, 503])
        #expect(answers.last?.value(.retryAfter) != nil)
        #expect(site.records.first?.endReason.contains("drained") == true)
        guard case .status(let row) = site.request(.status) else {
            Issue.record("no status")
            return
        }
        #expect(row.state == "draining: no new calls, 1 under way" && row.calls == 1)
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint) == "200" && site.isIdle)
        // A phone may register all the same.
        #expect(try phones[2].register(at: &site).status == 200)
        _ = site.request(.drainChanged(isDraining: false))
        try phones[0].call("8002", at: &site, id: "2")
        #expect(site.said(phones[0].endpoint) == "100")
    }

    @Test func emergencyCallsAreMadeWhileTheSwitchIsDrained() throws {
        var site = try Site()
        var phone = try site.registered("8009")[0]
        _ = site.request(.drainChanged(isDraining: true))
        try phone.call("110", at: &site)
        #expect(try site.next(Site.pstn).method == .invite)
    }
}

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
