import Charging
import SIP
import Testing

@testable import Switching

/// A call waits at a place until somebody fetches it.
@Suite struct ParkingTests {
    private static let other = TransferTests.other

    private func park(_ phone: inout Party, at place: String, _ site: inout Site) {
        phone.send("REFER", at: &site, extra: "Refer-To: <sip:*68*\(place)@example.com>\n")
    }

    /// 8001 calls 8004, who parks it at 1.
    private func parked(_ site: inout Site, by place: Int = 1) throws -> [Party] {
        var phones = try site.registered("8001", "8004", "8005")
        try site.connected(&phones)
        park(&phones[place], at: "1", &site)
        let told = site.all(phones[place].endpoint)
        #expect(
            told.map { $0.isRequest ? $0.method.name : "\($0.status)" }
                == ["202", "NOTIFY", "NOTIFY", "BYE"])
        #expect(told[2].text == "SIP/2.0 200 OK\r\n")
        for request in told where request.isRequest {
            phones[place].answer(request, 200, at: &site)
        }
        let waiting = 1 - place
        let asked = try TransferTests.reinvited(&phones[waiting], &site)
        #expect(asked.body.isEmpty)
        // Its streams are made inactive.
        let ack = try site.next(phones[waiting].endpoint)
        #expect(ack.method == .ack && ack.text.contains("m=audio 9 RTP/AVP 8\r\na=inactive"))
        return phones
    }

    @Test(arguments: [0, 1])
    func whoDialsThePlaceTalksWithWhoWaitsThere(parker: Int) throws {
        var site = try Site.withFeatures()
        var phones = try parked(&site, by: parker)
        let waiting = 1 - parker
        #expect(site.sw.callsOfExtension == [phones[waiting].number: 1])
        guard case .calls(let rows) = site.request(.calls) else {
            Issue.record("no calls are shown")
            return
        }
        #expect(rows.map(\.state) == ["parked"])
        #expect(rows.map(\.route) == ["place 1, parked by \(phones[parker].number)"])

        try phones[2].call("*69*1", at: &site, body: Self.other)
        let offered = try TransferTests.reinvited(&phones[waiting], &site, body: Party.offer)
        #expect(offered.text.contains("m=audio 5000"))
        #expect(site.said(phones[waiting].endpoint) == "ACK")
        let answer = try #require(site.all(phones[2].endpoint).last)
        #expect(answer.status == 200 && answer.text.contains("m=audio 4000"))
        phones[2].acknowledge(answer, at: &site)
        #expect(site.sw.callsOfExtension == [phones[waiting].number: 1, "8005": 1])
        phones[2].send("INFO", at: &site)
        #expect(try site.next(phones[waiting].endpoint).method == .info)
        phones[waiting].send("BYE", at: &site)
        #expect(site.said(phones[2].endpoint).hasSuffix("BYE"))
        let code = try #require(site.records.first { $0.caller == "8005" })
        let call = try #require(site.records.first { $0.dialled == "8004" })
        #expect(code.direction == .feature && code.linkedCall == call.callID)
        #expect(code.endReason.hasSuffix("from 1") && call.disposition == .answered)
        #expect(site.isIdle && site.sw.parkedCalls.isEmpty)
        site.pass(.seconds(400))
        #expect(site.sw.inspection.legs == 0 && site.sw.inspection.transactions == 0)
    }

    @Test func aHeldCallIsParkedByDialling() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8004")
        try site.connected(&phones)
        var second = phones[1]
        second.cseq = 100
        let answer = try site.code("*68*7", by: &second)
        #expect(answer.status == 487 && answer.phrase == "Parked at 7")
        #expect(site.said(phones[0].endpoint) == "INVITE")
        #expect(site.sw.parkedCalls["7"] != nil && site.sw.callsOfExtension == ["8001": 1])
    }

    /// A key that holds and dials in one: the hold is not answered yet when its sender leaves.
    @Test func aCallIsParkedWhileItsHoldIsOnTheWay() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8004", "8005")
        try site.connected(&phones)
        let hold = Party.offer.replacing("sendrecv", with: "sendonly")
        phones[1].send("INVITE", at: &site, body: hold)
        let held = try site.next(phones[0].endpoint)
        #expect(held.method == .invite && site.said(phones[1].endpoint) == "100")
        var second = phones[1]
        second.cseq = 100
        second.callID = ""
        #expect(try site.code("*68*7", by: &second).status == 487)
        #expect(site.said(phones[0].endpoint) == "")
        phones[0].answer(held, 200, at: &site, body: Party.offer)
        // Its ACK, and at once the hold of the place.
        #expect(try site.next(phones[0].endpoint).method == .ack)
        try TransferTests.reinvited(&phones[0], &site)
        #expect(try site.next(phones[0].endpoint).text.contains("a=inactive"))
        // Who has left is answered once, whatever becomes of its ACK.
        #expect(
            site.said(phones[1].endpoint).split(separator: " ").filter { $0 == "200" }.count == 1)
        site.pass(.seconds(5))
        #expect(!site.said(phones[1].endpoint).contains("200"))
        try phones[2].call("*69*7", at: &site, body: Self.other)
        try TransferTests.reinvited(&phones[0], &site, body: Party.offer)
        #expect(site.all(phones[2].endpoint).last?.status == 200)
    }

    @Test func aTakenPlaceIsRefusedAndTheCallGoesOn() throws {
        var site = try Site.withFeatures()
        _ = try parked(&site)
        var pair = try site.registered("8002", "8003")
        try site.connected(&pair)
        park(&pair[0], at: "1", &site)
        #expect(TransferTests.heard(pair[0], &site) == ["202", "100", "486 end"])
        pair[0].send("INFO", at: &site)
        #expect(site.said(pair[1].endpoint) == "INFO")
    }

    @Test func thereIsNothingToFetchWhereNothingWaits() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8005")[0]
        #expect(try site.code("*69*1", by: &phone).status == 404)
        #expect(try site.code("*68*1", by: &phone, id: "park").status == 404)
        #expect(site.isIdle)
    }

    @Test func whoWaitsMayHangUp() throws {
        var site = try Site.withFeatures()
        var phones = try parked(&site)
        phones[0].send("BYE", at: &site)
        #expect(site.isIdle && site.sw.parkedCalls.isEmpty)
    }

    @Test func whoParkedItIsRungWhenNobodyComes() throws {
        var site = try Site.withFeatures()
        var phones = try parked(&site)
        site.pass(.seconds(120))
        let invite = try site.invite(phones[1])
        #expect(invite.text(.from)?.hasPrefix("\"8001\"") == true)
        phones[1].answer(invite, 200, at: &site, body: Self.other)
        try TransferTests.reinvited(&phones[0], &site, body: Party.offer)
        #expect(site.said(phones[1].endpoint) == "ACK")
        #expect(site.sw.parkedCalls.isEmpty)
        phones[1].send("BYE", at: &site)
        #expect(site.said(phones[0].endpoint) == "ACK BYE" && site.isIdle)
    }

    @Test func itIsFetchedWhileItsParkerIsRung() throws {
        var site = try Site.withFeatures()
        var phones = try parked(&site)
        site.pass(.seconds(120))
        let invite = try site.invite(phones[1])
        phones[1].answer(invite, 180, at: &site)
        try phones[2].call("*69*1", at: &site, body: Self.other)
        #expect(site.said(phones[1].endpoint) == "CANCEL")
        phones[1].answer(invite, 487, at: &site)
        try TransferTests.reinvited(&phones[0], &site, body: Party.offer)
        #expect(site.all(phones[2].endpoint).last?.status == 200)
    }

    @Test func nobodyIsRungWhileTheSwitchIsFull() throws {
        var site = try Site.withFeatures()
        let phones = try parked(&site)
        func limit(calls: Int) throws {
            var settings = site.settings
            settings.limits.calls = calls
            site.handle(
                .configured(
                    Configuration(
                        settings: settings, plan: try Site.compiledPlan(Site.featurePlan))))
        }
        try limit(calls: 1)
        site.pass(.seconds(500))
        #expect(site.said(phones[1].endpoint) == "" && site.sw.calls.count == 1)
        // None of its three recalls was used up.
        try limit(calls: 10)
        site.pass(.seconds(120))
        #expect(site.said(phones[1].endpoint).hasPrefix("INVITE"))
        #expect(site.sw.parkedCalls["1"] != nil)
    }

    @Test func aCallThatNobodyWantsEnds() throws {
        var site = try Site.withFeatures()
        var phones = try parked(&site)
        for _ in 0..<3 {
            site.pass(.seconds(120))
            phones[1].answer(try site.invite(phones[1]), 486, at: &site)
            #expect(site.sw.parkedCalls["1"] != nil)
            _ = site.all(phones[1].endpoint)
        }
        site.pass(.seconds(120))
        #expect(site.said(phones[0].endpoint).hasPrefix("BYE"))
        #expect(site.records.last?.endReason == "Nobody fetched it from 1" && site.isIdle)
    }

    @Test func aPhoneThatDoesNotSuitLeavesItWaiting() throws {
        var site = try Site.withFeatures()
        var phones = try parked(&site)
        try phones[2].call("*69*1", at: &site, body: Self.other)
        try TransferTests.reinvited(&phones[0], &site, 488)
        #expect(site.all(phones[2].endpoint).last?.status == 488)
        #expect(site.sw.parkedCalls["1"] != nil)
        // And one that gives up.
        try phones[2].call("*69*1", at: &site, id: "2", body: Self.other)
        try phones[2].cancel(at: &site)
        _ = site.all(phones[0].endpoint)
        #expect(site.all(phones[2].endpoint).last?.status == 487)
        #expect(site.sw.parkedCalls["1"] != nil && site.sw.callsOfExtension == ["8001": 1])
    }

    @Test func itWaitsOnOverACrashAndIsChargedToWhoMadeIt() throws {
        var site = try Site.withFeatures()
        var phones = try site.registered("8001", "8005")
        var gateway = Party.e1
        try site.connected(&phones[0], dials: "02088886666", through: &gateway)
        park(&phones[0], at: "3", &site)
        _ = site.all(Site.e1)
        try site.crash(.process(.seconds(1)))
        #expect(site.sw.callsOfExtension.isEmpty && site.sw.parkedCalls["3"] != nil)
        // The last process may not have told who parked it.
        #expect(try site.nextButCheck(phones[0].endpoint).method == .bye)
        try phones[1].call("*69*3", at: &site, body: Self.other)
        try TransferTests.reinvited(&gateway, &site, body: Party.offer)
        let answer = try #require(site.all(phones[1].endpoint).last { $0.status == 200 })
        phones[1].acknowledge(answer, at: &site)
        site.pass(.seconds(60))
        phones[1].send("BYE", at: &site)
        #expect(site.records.last { $0.charge.isPositive }?.chargedExtension == "8001")
        #expect(site.isIdle)
    }

    // MARK: What the waiting side is answered

    private static let offer = [
        "v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "a=ice-lite",
        "m=audio 4000 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=candidate:1",
        "a=sendrecv", "m=video 0 RTP/AVP 96", "m=audio 4002 RTP/SAVP 8", "a=crypto:1 x",
    ].joined(separator: "\r\n")

    @Test func whoWaitsHasEveryStreamAndNothingFlows() {
        let answer = Switch.holding(Array(Self.offer.utf8)[...])
        #expect(
            String(decoding: answer, as: UTF8.self)
                == [
                    "v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0",
                    "m=audio 9 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000", "a=inactive",
                    "m=video 0 RTP/AVP 96", "m=audio 0 RTP/SAVP 8", "",
                ].joined(separator: "\r\n"))
    }

    @Test func aRefusalRefusesEveryStream() {
        let answer = Switch.refusal(of: Array(Self.offer.utf8)[...])
        let media = String(decoding: answer, as: UTF8.self).split(separator: "\r\n")
            .filter { $0.hasPrefix("m=") }
        #expect(
            media == [
                "m=audio 0 RTP/AVP 8 101", "m=video 0 RTP/AVP 96", "m=audio 0 RTP/SAVP 8",
            ])
        #expect(!String(decoding: answer, as: UTF8.self).contains("inactive"))
    }
}
