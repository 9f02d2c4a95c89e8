import SIP
import Testing

@testable import Switching

/// The caller hears one coherent ring, whoever rings behind it.
@Suite struct RingingTests {
    private static let other = Party.offer.replacing("4000", with: "5000")

    /// A call on the E1, and its INVITE there.
    private func begun() throws -> (Site, Party, Message) {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        try phone.call("02088886666", at: &site)
        let invite = try site.next(Site.e1)
        #expect(site.said(phone.endpoint) == "100")
        return (site, phone, invite)
    }

    private func tag(_ message: Message?) -> String {
        String(decoding: message?.toTag ?? [], as: UTF8.self)
    }

    @Test func ringingGoesOnInOneDialogWhenARouteFailsWhileItRings() throws {
        var (site, phone, invite) = try begun()
        var e1 = Party.e1
        var pstn = Party.pstn
        e1.answer(invite, 180, at: &site)
        e1.answer(invite, 503, at: &site)
        let second = try site.next(Site.pstn)
        pstn.answer(second, 180, at: &site)
        pstn.answer(second, 183, at: &site, body: Party.offer)
        pstn.answer(second, 200, at: &site, body: Party.offer)
        let answers = site.all(phone.endpoint)
        #expect(answers.map(\.status) == [180, 180, 183, 200])
        #expect(Set(answers.map { tag($0) }).count == 1)
        phone.acknowledge(try #require(answers.last), at: &site)
        phone.send("BYE", at: &site)
        #expect(site.isIdle)
    }

    @Test func earlyMediaOfANewRouteHasADialogOfItsOwn() throws {
        var (site, phone, invite) = try begun()
        var e1 = Party.e1
        var pstn = Party.pstn
        e1.answer(invite, 183, at: &site, body: Party.offer)
        e1.answer(invite, 503, at: &site)
        let second = try site.next(Site.pstn)
        pstn.answer(second, 180, at: &site)
        pstn.answer(second, 183, at: &site, body: Self.other)
        pstn.answer(second, 200, at: &site, body: Self.other)
        let answers = site.all(phone.endpoint)
        #expect(answers.map(\.status) == [183, 180, 183, 200])
        let tags = answers.map { tag($0) }
        // The first session belongs to the first dialog; all that follows is the second's.
        #expect(tags[0] != tags[1] && Set(tags[1...]).count == 1)
        phone.acknowledge(try #require(answers.last), at: &site)
        phone.send("BYE", at: &site)
        #expect(site.said(phone.endpoint) == "200" && site.said(Site.pstn).contains("BYE"))
        #expect(site.isIdle)
    }

    @Test func anAnswerAfterAnothersEarlyMediaHasADialogOfItsOwn() throws {
        var (site, phone, invite) = try begun()
        var e1 = Party.e1
        var pstn = Party.pstn
        e1.answer(invite, 183, at: &site, body: Party.offer)
        e1.answer(invite, 503, at: &site)
        pstn.answer(try site.next(Site.pstn), 200, at: &site, body: Self.other)
        let answers = site.all(phone.endpoint)
        #expect(answers.map(\.status) == [183, 200] && tag(answers[0]) != tag(answers[1]))
        phone.acknowledge(try #require(answers.last), at: &site)
        pstn.send("BYE", at: &site)
        let bye = try site.next(phone.endpoint)
        #expect(bye.method == .bye)
        #expect(bye.fromTag?.elementsEqual(answers[1].toTag ?? []) == true)
        #expect(site.isIdle)
    }

    @Test func bareRingingOfAnotherForkIsNotPutOverEarlyMedia() throws {
        var (site, phone, invite) = try begun()
        var e1 = Party.e1
        e1.answer(invite, 183, at: &site, body: Party.offer, tag: "a")
        e1.answer(invite, 180, at: &site, tag: "b")
        e1.answer(invite, 183, at: &site, body: Self.other, tag: "c")
        e1.answer(invite, 180, at: &site, tag: "a")
        let answers = site.all(phone.endpoint)
        #expect(answers.map(\.status) == [183, 183, 180])
        #expect(tag(answers[0]) == tag(answers[2]) && tag(answers[0]) != tag(answers[1]))
        e1.answer(invite, 200, at: &site, body: Self.other, tag: "c")
        let answer = try site.next(phone.endpoint)
        #expect(tag(answer) == tag(answers[1]))
        phone.acknowledge(answer, at: &site)
        phone.send("BYE", at: &site)
        #expect(site.isIdle)
    }

    @Test func aReasonOfTheLastRouteReachesTheCaller() throws {
        var (site, phone, invite) = try begun()
        var e1 = Party.e1
        var pstn = Party.pstn
        e1.answer(invite, 503, at: &site)
        pstn.answer(
            try site.next(Site.pstn), 480, at: &site,
            extra: "Reason: Q.850;cause=19;text=\"No answer\"\n")
        let refusal = try site.next(phone.endpoint)
        #expect(refusal.status == 480)
        #expect(
            String(decoding: refusal.value(.reason) ?? [], as: UTF8.self)
                .hasPrefix("Q.850;cause=19"))
    }
}
