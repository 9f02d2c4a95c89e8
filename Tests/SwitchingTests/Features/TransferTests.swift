import Charging
import SIP
import Testing

@testable import Switching

/// One side sends the other on, and the switch connects them.
@Suite struct TransferTests {
    static let other = Party.offer.replacing("4000", with: "5000")
    static let third = Party.offer.replacing("4000", with: "6000")

    /// Extensions that may have two calls at once, as a consultation needs.
    static func site(balance: String = "100") throws -> Site {
        try Site(balance: balance) { stored in
            for place in stored.extensions.indices { stored.extensions[place].callLimit = 2 }
        }
    }

    /// A phone answers the re-INVITE that it has got.
    @discardableResult
    static func reinvited(
        _ phone: inout Party, _ site: inout Site, _ status: Int = 200, body: String = other
    ) throws -> Message {
        let reinvite = try site.next(phone.endpoint)
        #expect(reinvite.method == .invite && reinvite.toTag != nil)
        let kept = (phone.callID, phone.local, phone.remote)
        phone.answer(reinvite, status, at: &site, body: status == 200 ? body : "")
        // A re-INVITE changes nothing of the dialog.
        (phone.callID, phone.local, phone.remote) = kept
        return reinvite
    }

    /// The statuses that NOTIFY told, and what else was sent, in order.
    static func heard(_ phone: Party, _ site: inout Site) -> [String] {
        site.all(phone.endpoint).map { message in
            guard message.isRequest else { return "\(message.status)" }
            guard message.method == .notify else { return message.method.name }
            let state = message.text(.subscriptionState) ?? ""
            let end = state.hasPrefix("terminated") ? " end" : ""
            return message.text.split(separator: " ").dropFirst().first.map { "\($0)\(end)" } ?? "?"
        }
    }

    private func refer(_ phone: inout Party, to target: String, _ site: inout Site) {
        phone.send(
            "REFER", at: &site,
            extra: "Refer-To: <sip:\(target)@example.com>\nReferred-By: <sip:x@example.com>\n")
    }

    // MARK: Blind

    @Test func aBlindTransferConnectsBothAndTheTransferorLeaves() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        refer(&phones[1], to: "8003", &site)
        #expect(Self.heard(phones[1], &site) == ["202", "100"])
        let invite = try site.invite(phones[2])
        #expect(invite.body.isEmpty && invite.text(.referredBy) == "<sip:x@example.com>")
        #expect(invite.text(.from)?.hasPrefix("\"8001\" <sip:8002@") == true)
        phones[2].answer(invite, 180, at: &site)
        #expect(Self.heard(phones[1], &site) == ["180"])
        phones[2].answer(invite, 200, at: &site, body: Self.third)
        // No ACK before there is an answer to the offer.
        #expect(site.said(phones[2].endpoint) == "")
        let reinvite = try Self.reinvited(&phones[0], &site)
        #expect(reinvite.text.contains("m=audio 6000"))
        #expect(site.said(phones[0].endpoint) == "ACK")
        let ack = try site.next(phones[2].endpoint)
        #expect(ack.method == .ack && ack.text.contains("m=audio 5000"))
        #expect(Self.heard(phones[1], &site) == ["200 end", "BYE"])
        #expect(site.sw.callsOfExtension == ["8001": 1, "8003": 1])

        phones[0].send("INFO", at: &site)
        #expect(try site.next(phones[2].endpoint).method == .info)
        phones[2].send("INVITE", at: &site, body: Self.third)
        #expect(try site.next(phones[0].endpoint).method == .invite)
        phones[2].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint).hasSuffix("BYE"))

        #expect(site.records.count == 2 && site.isIdle)
        let first = try #require(site.records.first { $0.caller == "8001" })
        let second = try #require(site.records.first { $0.caller == "8002" })
        #expect(second.linkedCall == first.callID && second.link == .transferred)
        #expect(second.dialled == "8003" && second.direction == .internal)
        #expect(second.words.first?.hasPrefix("8002 transfers its call with 8001") == true)
        #expect(first.disposition == .answered && second.disposition == .answered)
        #expect(second.releasedBy == .callee && first.releasedBy == .callee)
        site.pass(.seconds(120))
        #expect(site.sw.inspection.legs == 0 && site.sw.inspection.transactions == 0)
    }

    /// A phone may go on saying it when its transaction is long forgotten.
    @Test func aREFERThatNeverStopsComingTransfersOnce() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        refer(&phones[1], to: "8003", &site)
        phones[2].answer(try site.invite(phones[2]), 486, at: &site)
        #expect(Self.heard(phones[1], &site) == ["202", "100", "486 end"])
        site.pass(.seconds(40))
        _ = (site.all(phones[1].endpoint), site.all(phones[2].endpoint))
        phones[1].send(
            "REFER", at: &site, cseq: phones[1].cseq,
            extra: "Refer-To: <sip:8003@example.com>\nReferred-By: <sip:x@example.com>\n")
        #expect(Self.heard(phones[1], &site) == ["500"])
        #expect(site.said(phones[2].endpoint) == "" && site.sw.calls.count == 1)
    }

    @Test func theTransferorPaysForTheSecondCallAtItsLevel() throws {
        var site = try Site()
        var phones = try site.registered("8001")
        var outside = Party.pstn
        var gateway = Party.e1
        try outside.callUnasked("66778001", from: "13900001111", at: &site)
        phones[0].answer(try site.invite(phones[0]), 200, at: &site, body: Party.offer)
        outside.acknowledge(try #require(site.all(Site.pstn).last), at: &site)
        _ = site.all(phones[0].endpoint)
        refer(&phones[0], to: "02088886666", &site)
        let invite = try site.next(gateway.endpoint)
        #expect(invite.text(.from)?.contains("66778001") == true)
        gateway.answer(invite, 200, at: &site, body: Self.third)
        try Self.reinvited(&outside, &site)
        #expect(site.said(gateway.endpoint) == "ACK")
        #expect(site.sw.callsOfExtension.isEmpty)
        site.pass(.seconds(60))
        outside.send("BYE", at: &site)
        #expect(site.said(gateway.endpoint) == "BYE")
        let second = try #require(site.records.first { $0.link == .transferred })
        #expect(second.caller == "8001" && second.chargedExtension == "8001")
        #expect(second.callerAccount == "a" && second.charge == Amount("0.7"))
        let first = try #require(site.records.first { $0.link == nil })
        #expect(first.charge == .zero && second.linkedCall == first.callID)
        #expect(site.postings.count == 1 && site.isIdle)
    }

    @Test func whatTheFirstCallCostsGoesOnToBeChargedToWhoMadeIt() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        var gateway = Party.e1
        try site.connected(&phones[0], dials: "02088886666", through: &gateway)
        site.pass(.seconds(60))
        refer(&phones[0], to: "8002", &site)
        phones[1].answer(try site.invite(phones[1]), 200, at: &site, body: Self.third)
        try Self.reinvited(&gateway, &site)
        #expect(Self.heard(phones[0], &site) == ["202", "100", "200 end", "BYE"])
        site.pass(.seconds(60))
        gateway.send("BYE", at: &site)
        #expect(site.said(phones[1].endpoint) == "ACK BYE")
        let first = try #require(site.records.first { $0.link == nil })
        #expect(first.charge == Amount("1.4") && first.chargedExtension == "8001")
        #expect(site.records.first { $0.link == .transferred }?.charge == .zero)
        #expect(site.isIdle)
    }

    @Test func whenTheMoneyEndsBothCallsEnd() throws {
        var site = try Site(balance: "0.7")
        var phones = try site.registered("8001", "8002")
        var gateway = Party.e1
        try site.connected(&phones[0], dials: "02088886666", through: &gateway)
        refer(&phones[0], to: "8002", &site)
        phones[1].answer(try site.invite(phones[1]), 200, at: &site, body: Self.third)
        try Self.reinvited(&gateway, &site)
        _ = site.all(gateway.endpoint)
        site.pass(.seconds(70))
        #expect(site.said(gateway.endpoint).hasPrefix("BYE"))
        #expect(site.said(phones[1].endpoint).hasSuffix("BYE"))
        #expect(site.records.map(\.endReason) == ["Balance used up", "Balance used up"])
        #expect(site.postings.last?.balanceAfter == .zero && site.isIdle)
    }

    @Test(arguments: [("0085212345678", "404 end"), ("8005", "480 end")])
    func aTargetThatIsRefusedLeavesTheCallAsItWas(target: String, told: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        refer(&phones[0], to: target, &site)
        #expect(Self.heard(phones[0], &site) == ["202", "100", told])
        #expect(site.said(phones[1].endpoint) == "")
        #expect(site.sw.calls.count == 1 && site.sw.calls[site.sw.calls.handles[0]].handover == nil)
        // And the call may be transferred again.
        refer(&phones[0], to: target, &site)
        #expect(Self.heard(phones[0], &site) == ["202", "100", told])
        phones[0].send("INFO", at: &site)
        #expect(site.said(phones[1].endpoint) == "INFO")
    }

    @Test func theLevelOfTheTransferorCounts() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8009")
        try site.connected(&phones)
        refer(&phones[1], to: "02088886666", &site)
        #expect(Self.heard(phones[1], &site) == ["202", "100", "403 end"])
        #expect(site.records.last?.caller == "8009" && site.sw.calls.count == 1)
    }

    @Test func aBusyTargetReturnsTheCall() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        refer(&phones[0], to: "8003", &site)
        phones[2].answer(try site.invite(phones[2]), 486, at: &site)
        #expect(Self.heard(phones[0], &site) == ["202", "100", "486 end"])
        #expect(site.records.last?.disposition == .busy)
        phones[1].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint) == "BYE" && site.isIdle)
    }

    @Test func aTransferredSideThatRefusesStaysWhereItIsAndNobodyPays() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        var gateway = Party.e1
        try site.connected(&phones)
        refer(&phones[0], to: "02088886666", &site)
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Self.third)
        try Self.reinvited(&phones[1], &site, 488)
        #expect(site.said(phones[1].endpoint) == "ACK")
        #expect(site.said(Site.e1) == "ACK BYE")
        #expect(Self.heard(phones[0], &site) == ["202", "100", "488 end"])
        let record = try #require(site.records.first)
        #expect(record.disposition == .failed && record.charge == .zero)
        #expect(site.postings.isEmpty && site.sw.calls.count == 1)
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[1].endpoint) == "BYE" && site.isIdle)
    }

    @Test func aSideThatIsBusyWithAnotherInviteIsAskedAgain() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        refer(&phones[0], to: "8003", &site)
        phones[2].answer(try site.invite(phones[2]), 200, at: &site, body: Self.third)
        try Self.reinvited(&phones[1], &site, 491)
        #expect(site.said(phones[1].endpoint) == "ACK")
        site.pass(.seconds(5))
        try Self.reinvited(&phones[1], &site)
        #expect(Self.heard(phones[0], &site).suffix(2) == ["200 end", "BYE"])
    }

    /// A key that holds and transfers in one: the transferred side still answers to the hold.
    @Test func aTransferGoesOnAtOnceWhenTheHoldBeforeItIsAnswered() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        phones[1].send("INVITE", at: &site, body: Party.offer)
        let held = try site.next(phones[0].endpoint)
        refer(&phones[1], to: "8003", &site)
        phones[2].answer(try site.invite(phones[2]), 200, at: &site, body: Self.third)
        #expect(site.said(phones[0].endpoint) == "")
        phones[0].answer(held, 200, at: &site, body: Party.offer)
        #expect(try site.next(phones[0].endpoint).method == .ack)
        #expect(try Self.reinvited(&phones[0], &site).text.contains("m=audio 6000"))
        #expect(
            Self.heard(phones[1], &site) == ["100", "202", "100", "200", "200 end", "BYE"])
        #expect(site.said(phones[0].endpoint) == "ACK" && site.said(phones[2].endpoint) == "ACK")
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[2].endpoint) == "BYE" && site.isIdle)
    }

    @Test func theTransferredSideHangingUpEndsTheSearch() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        refer(&phones[0], to: "8003", &site)
        let invite = try site.invite(phones[2])
        phones[2].answer(invite, 180, at: &site)
        phones[1].send("BYE", at: &site)
        #expect(site.said(phones[2].endpoint) == "CANCEL")
        #expect(Self.heard(phones[0], &site) == ["202", "100", "180", "BYE"])
        phones[2].answer(invite, 487, at: &site)
        #expect(site.records.count == 2 && site.isIdle)
    }

    @Test func aTransferorThatHangsUpAtOnceIsNotWaitedFor() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        refer(&phones[0], to: "8003", &site)
        let invite = try site.invite(phones[2])
        phones[0].send("BYE", at: &site)
        #expect(Self.heard(phones[0], &site) == ["202", "100", "200"])
        #expect(site.said(phones[1].endpoint) == "")
        #expect(site.sw.callsOfExtension == ["8002": 1, "8003": 1])
        phones[2].answer(invite, 200, at: &site, body: Self.third)
        try Self.reinvited(&phones[1], &site)
        #expect(site.said(phones[2].endpoint) == "ACK")
        // It is told how it ended, and not hung up once more.
        #expect(Self.heard(phones[0], &site) == ["200 end"])
        phones[1].send("BYE", at: &site)
        #expect(site.said(phones[2].endpoint) == "BYE" && site.isIdle)
    }

    /// Were the process to end before, it would have the transferor in the call again.
    @Test func aTransferorThatHangsUpHearsOfItWhenThatIsOnTheDisk() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        refer(&phones[0], to: "8003", &site)
        let invite = try site.invite(phones[2])
        phones[2].answer(invite, 180, at: &site)
        _ = site.all(phones[0].endpoint)
        site.diskIsQuick = false
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint) == "" && site.sw.calls.count == 2)
        site.settle()
        #expect(site.said(phones[0].endpoint) == "200")
    }

    @Test func aTransferThatFailsWithoutItsTransferorEndsTheCall() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        refer(&phones[0], to: "8003", &site)
        let invite = try site.invite(phones[2])
        phones[0].send("BYE", at: &site)
        phones[2].answer(invite, 486, at: &site)
        #expect(site.said(phones[1].endpoint) == "BYE" && site.isIdle)
        #expect(Self.heard(phones[0], &site) == ["202", "100", "200", "486 end"])
    }

    @Test(arguments: ["false", "False", "FALSE ;x=1"])
    func whoWantsNoNotificationsGetsNone(wish: String) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        phones[0].send(
            "REFER", at: &site,
            extra: "Refer-To: sip:8003@example.com\nRefer-Sub: \(wish)\nRequire: norefersub\n")
        let accepted = try site.next(phones[0].endpoint)
        #expect(accepted.status == 202 && accepted.text(.referSub) == "false")
        phones[2].answer(try site.invite(phones[2]), 200, at: &site, body: Self.third)
        try Self.reinvited(&phones[1], &site)
        #expect(site.said(phones[0].endpoint) == "BYE")
    }

    @Test func theTransferredSideTransfersOnItself() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003", "8004")
        try site.connected(&phones)
        for place in [2, 3] {
            refer(&phones[place - 1], to: phones[place].number, &site)
            phones[place].answer(
                try site.invite(phones[place]), 200, at: &site, body: Self.third)
            try Self.reinvited(&phones[0], &site)
            #expect(Self.heard(phones[place - 1], &site).suffix(2) == ["200 end", "BYE"])
            #expect(site.said(phones[place].endpoint) == "ACK")
            _ = site.all(phones[0].endpoint)
        }
        // The call between the first two transferors has ended.
        #expect(site.sw.calls.count == 2 && site.records.count == 1)
        #expect(site.sw.callsOfExtension == ["8001": 1, "8004": 1])
        phones[3].send("INFO", at: &site)
        #expect(site.said(phones[0].endpoint) == "INFO")
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[3].endpoint).hasSuffix("BYE") && site.isIdle)
    }

    // MARK: Strangers

    @Test func whoIsNoExtensionTransfersNothing() throws {
        var site = try Site()
        var phones = try site.registered("8001")
        var gateway = Party.e1
        try site.connected(&phones[0], dials: "02088886666", through: &gateway)
        refer(&gateway, to: "8002", &site)
        #expect(site.said(Site.e1) == "603")
        var stranger = Party("8001", Endpoint(text: "127.0.0.9:5060"))
        stranger.callID = phones[0].callID
        (stranger.local, stranger.remote) = (phones[0].local, phones[0].remote)
        stranger.cseq = 50
        refer(&stranger, to: "8002", &site)
        #expect(site.said(stranger.endpoint) == "481")
        stranger.remote = "<sip:8001@example.com>"
        refer(&stranger, to: "8002", &site)
        #expect(site.said(stranger.endpoint) == "401")
        #expect(site.sw.calls.count == 1)
    }

    @Test(arguments: [
        ("", 400), ("Refer-To: <sip:8003@example.com>, <sip:8004@example.com>\n", 400),
        ("Refer-To: <sip:8003@elsewhere.net>\n", 404),
        ("Refer-To: <sip:8003@example.com;method=BYE>\n", 501),
        ("Refer-To: <sip:8003@example.com>\nRequire: frobnication\n", 420),
        ("Refer-To: <sip:x@example.com?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\n", 404),
        ("Refer-To: <sip:x@example.com?Replaces=a>\n", 404),
    ])
    func whatCannotBeDoneIsRefusedAtOnce(fields: String, status: Int) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[0].send("REFER", at: &site, extra: fields)
        #expect(site.said(phones[0].endpoint) == "\(status)")
        phones[0].send("INFO", at: &site)
        #expect(site.said(phones[1].endpoint) == "INFO")
    }

    // MARK: Attended

    /// 8001 is called by 8002, then calls 8003 and talks there.
    private func consulting(
        _ site: inout Site
    ) throws -> (phones: [Party], consulted: Party) {
        var phones = try site.registered("8002", "8001", "8003")
        try site.connected(&phones)
        var second = [phones[1], phones[2]]
        second[0].cseq = 100
        try second[0].call("8003", at: &site, id: "second")
        second[1].answer(try site.invite(second[1]), 200, at: &site, body: Self.third)
        second[0].acknowledge(try #require(site.all(second[0].endpoint).last), at: &site)
        #expect(site.said(second[1].endpoint) == "ACK")
        phones[2] = second[1]
        return (phones, second[0])
    }

    private func replaces(_ party: Party) throws -> String {
        let tag = try #require(party.remote.split(separator: ";tag=").last)
        return "Refer-To: <sip:8003@example.com?Replaces=\(party.callID)%3Bto-tag%3D\(tag)"
            + "%3Bfrom-tag%3D\(party.tag)>\n"
    }

    @Test func anAttendedTransferJoinsTheTwoCalls() throws {
        var site = try Self.site()
        var (phones, second) = try consulting(&site)
        phones[1].send("REFER", at: &site, extra: try replaces(second))
        let asked = try Self.reinvited(&phones[2], &site, body: Self.third)
        #expect(asked.body.isEmpty)
        let offered = try Self.reinvited(&phones[0], &site)
        #expect(offered.text.contains("m=audio 6000"))
        #expect(site.said(phones[0].endpoint) == "ACK")
        let ack = try site.next(phones[2].endpoint)
        #expect(ack.method == .ack && ack.text.contains("m=audio 5000"))
        #expect(Self.heard(phones[1], &site) == ["202", "100", "200 end", "BYE", "BYE"])
        #expect(site.sw.callsOfExtension == ["8002": 1, "8003": 1])
        // What the transferor still says itself is answered.
        second.send("BYE", at: &site)
        #expect(site.said(second.endpoint) == "200")
        phones[0].send("INFO", at: &site)
        #expect(site.said(phones[2].endpoint) == "INFO")
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[2].endpoint).hasSuffix("BYE"))
        #expect(site.records.count == 2 && site.isIdle)
        let later = try #require(site.records.first { $0.dialled == "8003" })
        #expect(later.link == .transferred && later.caller == "8001")
        #expect(later.linkedCall == site.records.first { $0.dialled == "8001" }?.callID)
        #expect(later.releasedBy == .caller)
    }

    @Test func anAttendedTransferThatFailsGivesBothCallsBack() throws {
        var site = try Self.site()
        var (phones, second) = try consulting(&site)
        phones[1].send("REFER", at: &site, extra: try replaces(second))
        try Self.reinvited(&phones[2], &site, body: Self.third)
        try Self.reinvited(&phones[0], &site, 488)
        #expect(site.said(phones[0].endpoint) == "ACK")
        // The offer is refused stream by stream, and the session with the transferor made anew.
        let ack = try site.next(phones[2].endpoint)
        #expect(ack.method == .ack && ack.text.contains("m=audio 0 RTP/AVP 8"))
        try Self.reinvited(&phones[2], &site, body: Self.third)
        #expect(Self.heard(phones[1], &site).prefix(3) == ["202", "100", "488 end"])
        #expect(site.sw.calls.count == 2)
    }

    @Test func whoHasOfferedForAJoinThatIsCutHasItsOfferRefused() throws {
        var site = try Self.site()
        var (phones, second) = try consulting(&site)
        phones[1].send("REFER", at: &site, extra: try replaces(second))
        try Self.reinvited(&phones[2], &site, body: Self.third)
        let calls = site.sw.calls.handles.map { site.sw.calls[$0] }
        let consulted = try #require(calls.first { $0.record.dialled == "8003" })
        _ = site.request(.hungUp(call: consulted.id.description))
        let told = site.all(phones[2].endpoint)
        #expect(told.map(\.method) == [.ack, .bye])
        #expect(told.first?.text.contains("m=audio 0 RTP/AVP 8") == true)
    }

    @Test func theSessionWithTheTransferorIsMadeAnew() throws {
        var site = try Self.site()
        var (phones, second) = try consulting(&site)
        phones[1].send("REFER", at: &site, extra: try replaces(second))
        try Self.reinvited(&phones[2], &site, body: Self.third)
        try Self.reinvited(&phones[0], &site, 488)
        _ = try site.next(phones[2].endpoint)
        _ = site.all(second.endpoint)
        try Self.reinvited(&phones[2], &site, body: Self.third)
        let offered = try Self.reinvited(&second, &site)
        #expect(offered.text.contains("m=audio 6000"))
        #expect(site.said(second.endpoint) == "ACK")
        let ack = try site.next(phones[2].endpoint)
        #expect(ack.method == .ack && ack.text.contains("m=audio 5000"))
        #expect(site.sw.calls.handles.allSatisfy { site.sw.calls[$0].handover == nil })
        second.send("BYE", at: &site)
        #expect(site.said(phones[2].endpoint) == "BYE")
        phones[0].send("BYE", at: &site)
        #expect(site.said(phones[1].endpoint).hasSuffix("BYE") && site.isIdle)
    }

    @Test func aConsultedPhoneThatStillRingsIsConnectedWhenItAnswers() throws {
        var site = try Self.site()
        var phones = try site.registered("8002", "8001", "8003")
        try site.connected(&phones)
        var second = phones[1]
        second.cseq = 100
        try second.call("8003", at: &site, id: "second")
        let invite = try site.invite(phones[2])
        phones[2].answer(invite, 180, at: &site)
        second.established(by: try #require(site.all(second.endpoint).last))
        phones[1].send("REFER", at: &site, extra: try replaces(second))
        #expect(Self.heard(phones[1], &site) == ["202", "100"])
        phones[2].answer(invite, 200, at: &site, body: Self.third)
        #expect(site.said(phones[2].endpoint).hasPrefix("ACK INVITE"))
        #expect(site.said(second.endpoint) == "200")
    }

    @Test func nobodyTakesOverTheDialogOfAnother() throws {
        var site = try Self.site()
        let (_, second) = try consulting(&site)
        var strangers = try site.registered("8004", "8005")
        try site.connected(&strangers)
        strangers[0].send("REFER", at: &site, extra: try replaces(second))
        #expect(site.said(strangers[0].endpoint) == "404")
    }

    @Test func aConsultedSideThatHangsUpReturnsTheCall() throws {
        var site = try Self.site()
        var (phones, second) = try consulting(&site)
        phones[1].send("REFER", at: &site, extra: try replaces(second))
        let asked = try site.next(phones[2].endpoint)
        phones[2].send("BYE", at: &site)
        #expect(Self.heard(phones[1], &site) == ["202", "100", "BYE", "480 end"])
        phones[2].answer(asked, 481, at: &site)
        #expect(site.sw.calls.count == 1)
        #expect(site.sw.calls[site.sw.calls.handles[0]].handover == nil)
        phones[0].send("INFO", at: &site)
        #expect(site.said(phones[1].endpoint) == "INFO")
    }

    // MARK: Crashes

    @Test func transferredCallsGoOnTogetherOverACrash() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        var gateway = Party.e1
        try site.connected(&phones[0], dials: "02088886666", through: &gateway)
        refer(&phones[0], to: "8002", &site)
        phones[1].answer(try site.invite(phones[1]), 200, at: &site, body: Self.third)
        try Self.reinvited(&gateway, &site)
        site.pass(.seconds(10))
        try site.crash(.process(.seconds(1)))
        #expect(site.sw.callsOfExtension == ["8002": 1])
        gateway.send("INFO", at: &site)
        #expect(try site.nextButCheck(phones[1].endpoint).method == .info)
        phones[1].send("BYE", at: &site)
        #expect(try site.nextButCheck(gateway.endpoint).method == .bye)
        #expect(site.records.count == 2 && site.isIdle)
        #expect(site.records.first { $0.charge.isPositive }?.chargedExtension == "8001")
        #expect(site.postings.count == 1)
    }

    @Test func aCrashBeforeTheJoinIsOnTheDiskLeavesTheTransferorInBothCalls() throws {
        var site = try Self.site()
        var (phones, second) = try consulting(&site)
        site.diskIsQuick = false
        phones[1].send("REFER", at: &site, extra: try replaces(second))
        try Self.reinvited(&phones[2], &site, body: Self.third)
        try Self.reinvited(&phones[0], &site)
        // Nothing was said to it yet.
        #expect(Self.heard(phones[1], &site) == ["202", "100"])
        site.diskIsQuick = true
        try site.crash(.process(.seconds(1)))
        second.send("INFO", at: &site, cseq: 200)
        #expect(try site.nextButCheck(phones[2].endpoint).method == .info)
        #expect(site.sw.calls.count == 2)
    }

    @Test(arguments: [false, true])
    func aTransferorHearsOfTheEndAfterACrashAndTalksOn(isAnswered: Bool) throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        refer(&phones[1], to: "8003", &site)
        let invite = try site.invite(phones[2])
        phones[2].answer(invite, 180, at: &site)
        if isAnswered { phones[2].answer(invite, 200, at: &site, body: Self.third) }
        _ = site.all(phones[0].endpoint)
        _ = site.all(phones[1].endpoint)
        try site.crash(.process(.seconds(1)))
        let notify = try site.next(phones[1].endpoint)
        #expect(notify.method == .notify)
        #expect(notify.body.starts(with: "SIP/2.0 503".utf8))
        #expect(notify.text(.subscriptionState)?.hasPrefix("terminated") == true)
        #expect(notify.text(.event)?.hasPrefix("refer;id=") == true)
        phones[1].answer(notify, 200, at: &site)
        // Whatever the other side was told of the third, it is given the transferor's again.
        let offered = try site.next(phones[1].endpoint)
        #expect(offered.method == .invite && offered.body.isEmpty)
        phones[1].answer(offered, 200, at: &site, body: Party.offer)
        let again = try site.next(phones[0].endpoint)
        #expect(again.method == .invite && again.body.elementsEqual(offerOnWire))
        phones[0].answer(again, 200, at: &site, body: Party.offer)
        #expect(try site.nextButCheck(phones[0].endpoint).method == .ack)
        #expect(try site.nextButCheck(phones[1].endpoint).method == .ack)
        #expect(site.sw.calls.count == 1)
        // Once.
        try site.crash(.process(.seconds(1)))
        #expect(!site.all(phones[1].endpoint).contains { $0.method == .notify })
    }

    private var offerOnWire: [UInt8] { Array(Party.offer.replacing("\n", with: "\r\n").utf8) }

    @Test func aTransferThatFailedBeforeIsNotToldOfAgain() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002", "8003")
        try site.connected(&phones)
        refer(&phones[1], to: "8003", &site)
        phones[2].answer(try site.invite(phones[2]), 486, at: &site)
        #expect(Self.heard(phones[1], &site) == ["202", "100", "486 end"])
        try site.crash(.process(.seconds(1)))
        #expect(!site.all(phones[1].endpoint).contains { $0.method == .notify })
        phones[0].send("INFO", at: &site, cseq: 200)
        #expect(try site.nextButCheck(phones[1].endpoint).method == .info)
    }

    @Test func aCallThatWasMadeForATransferIsNotChargedWhenACrashComesBetween() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        var gateway = Party.e1
        try site.connected(&phones)
        refer(&phones[0], to: "02088886666", &site)
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Self.third)
        try site.crash(.process(.seconds(60)))
        #expect(site.sw.calls.count == 1)
        #expect(try site.nextButCheck(Site.e1).method == .ack)
        #expect(try site.nextButCheck(Site.e1).method == .bye)
        let record = try #require(site.records.first)
        #expect(record.charge == .zero && record.disposition == .failed)
        phones[0].send("INFO", at: &site, cseq: 200)
        #expect(try site.nextButCheck(phones[1].endpoint).method == .info)
    }
}
