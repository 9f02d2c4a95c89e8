import SIP
import Testing

@Suite struct DialogTests {
    private let inviteLines = MachineFixture.request(
        "INVITE sip:bob@biloxi.com SIP/2.0", "314159 INVITE",
        extra: "Contact: <sip:alice@pc33.atlanta.com>")

    private func invite() throws -> Message { try MachineFixture.message(inviteLines) }

    private func answer(
        _ status: Int, to: String = "Bob <sip:bob@biloxi.com>;tag=bob", extra: String = ""
    ) throws -> Message {
        try MachineFixture.message(
            MachineFixture.response(status, "314159 INVITE", to: to, extra: extra))
    }

    private func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: Array(bytes), as: UTF8.self)
    }

    /// The dialog of the caller, confirmed by a 200 with this Contact and these Record-Route
    /// fields.
    private func caller(_ extra: String = "Contact: <sip:bob@192.0.2.4>") throws -> Dialog {
        try #require(Dialog(request: invite(), response: answer(200, extra: extra)))
    }

    /// The early dialog of the callee of the same INVITE.
    private func callee(_ extra: String = "Contact: <sip:alice@pc33.atlanta.com>") throws -> Dialog
    {
        let request = try MachineFixture.message(
            MachineFixture.request(
                "INVITE sip:bob@biloxi.com SIP/2.0", "314159 INVITE", extra: extra))
        return try #require(Dialog(request: request, localTag: Array("bob".utf8)))
    }

    private func next(_ dialog: inout Dialog, _ method: SIP.Method) throws -> Message {
        var writer = MessageWriter()
        _ = dialog.nextRequest(
            method, via: Array("SIP/2.0/UDP h;branch=z9hG4bKx".utf8), into: &writer)
        writer.field(.maxForwards, 70)
        return try Message(parsing: writer.finish())
    }

    // MARK: Making

    @Test func theCallersDialogHoldsWhatSection1212Says() throws {
        let dialog = try caller()
        #expect(dialog.isConfirmed)
        #expect(text(dialog.callID) == "a84b4c76e66710")
        #expect(text(dialog.localTag) == "alice")
        #expect(text(dialog.remoteTag) == "bob")
        #expect(text(dialog.localURI) == "sip:alice@atlanta.com")
        #expect(text(dialog.remoteURI) == "sip:bob@biloxi.com")
        #expect(text(dialog.remoteTarget) == "sip:bob@192.0.2.4")
        #expect(dialog.localCSeq == 314_159)
        #expect(dialog.remoteCSeq == nil)
        #expect(Array(dialog.routeSet).isEmpty)
        #expect(!dialog.isSecure)
    }

    @Test func theCalleesDialogHoldsWhatSection1211Says() throws {
        let dialog = try callee()
        #expect(dialog.isEarly)
        #expect(text(dialog.localTag) == "bob")
        #expect(text(dialog.remoteTag) == "alice")
        #expect(text(dialog.localAddress) == "Bob <sip:bob@biloxi.com>;tag=bob")
        #expect(text(dialog.remoteAddress) == "Alice <sip:alice@atlanta.com>;tag=alice")
        #expect(text(dialog.remoteTarget) == "sip:alice@pc33.atlanta.com")
        #expect(dialog.remoteCSeq == 314_159)
        #expect(dialog.localCSeq == 0)
    }

    @Test func aProvisionalWithATagMakesAnEarlyDialogAndWithoutNone() throws {
        let early = try Dialog(
            request: invite(), response: answer(180, extra: "Contact: <sip:bob@192.0.2.4>"))
        #expect(early?.isEarly == true)
        #expect(try Dialog(request: invite(), response: answer(180, to: "<sip:bob@b.com>")) == nil)
        #expect(try Dialog(request: invite(), response: answer(100)) == nil)
        #expect(try Dialog(request: invite(), response: answer(486)) == nil)
    }

    @Test func aProvisionalWithoutContactTargetsTheRequestURIUntilThe2xx() throws {
        var dialog = try #require(Dialog(request: invite(), response: answer(180)))
        #expect(text(dialog.remoteTarget) == "sip:bob@biloxi.com")
        try dialog.responseReceived(answer(200, extra: "Contact: <sip:bob@192.0.2.4>"))
        #expect(text(dialog.remoteTarget) == "sip:bob@192.0.2.4")
    }

    @Test(arguments: [
        "", "Contact: *", "Contact: <sip:>", "Contact: <not a uri>", "Contact: <sip:a b@c>",
    ])
    func anInviteWithoutAUsableContactMakesNoDialog(_ contact: String) throws {
        let request = try MachineFixture.message(
            MachineFixture.request("INVITE sip:b@b.com SIP/2.0", "1 INVITE", extra: contact))
        #expect(Dialog(request: request, localTag: [0x61]) == nil)
    }

    @Test func aRequestInsideADialogMakesNone() throws {
        let request = try MachineFixture.message(
            MachineFixture.request(
                "INVITE sip:b@b.com SIP/2.0", "1 INVITE", to: "<sip:b@b.com>;tag=x",
                extra: "Contact: <sip:a@a.com>"))
        #expect(Dialog(request: request, localTag: [0x61]) == nil)
    }

    @Test func headersOfAContactDoNotReachTheTarget() throws {
        let dialog = try callee("Contact: <sip:alice@pc33.atlanta.com;x=1?Subject=y>")
        #expect(text(dialog.remoteTarget) == "sip:alice@pc33.atlanta.com;x=1")
    }

    @Test func aDialogIsSecureWhenSipsWasAskedOverTLS() throws {
        let request = try MachineFixture.message(
            MachineFixture.request(
                "INVITE sips:b@b.com SIP/2.0", "1 INVITE", extra: "Contact: <sips:a@a.com>"))
        #expect(Dialog(request: request, localTag: [0x61], overTLS: true)?.isSecure == true)
        #expect(Dialog(request: request, localTag: [0x61])?.isSecure == false)
    }

    // MARK: Routes

    private let records = """
        Contact: <sip:bob@192.0.2.4>
        Record-Route: <sip:p3.example.com;lr>, "P, 2" <sip:p2.example.com;lr>
        Record-Route: <sip:p1.example.com;lr>
        """

    @Test func theCallerReversesTheRecordedRoutesAndTheCalleeKeepsThem() throws {
        #expect(
            try caller(records).routeSet.map(text) == [
                "<sip:p1.example.com;lr>", #""P, 2" <sip:p2.example.com;lr>"#,
                "<sip:p3.example.com;lr>",
            ])
        #expect(
            try callee(records).routeSet.map(text) == [
                "<sip:p3.example.com;lr>", #""P, 2" <sip:p2.example.com;lr>"#,
                "<sip:p1.example.com;lr>",
            ])
    }

    @Test func theRouteSetOfAnEarlyDialogIsThatOfThe2xxAndThenStays() throws {
        var dialog = try #require(
            Dialog(
                request: invite(),
                response: answer(180, extra: "Record-Route: <sip:old.example.com;lr>")))
        try dialog.responseReceived(answer(200, extra: "Record-Route: <sip:new.example.com;lr>"))
        #expect(dialog.routeSet.map(text) == ["<sip:new.example.com;lr>"])
        try dialog.responseReceived(answer(200, extra: "Record-Route: <sip:late.example.com;lr>"))
        #expect(dialog.routeSet.map(text) == ["<sip:new.example.com;lr>"])
    }

    @Test func withoutRoutesARequestGoesToTheTarget() throws {
        var dialog = try caller()
        let bye = try next(&dialog, .bye)
        #expect(text(bye.requestURI) == "sip:bob@192.0.2.4")
        #expect(text(dialog.nextHop) == "sip:bob@192.0.2.4")
        #expect(!bye.has(.route))
        #expect(bye.value(.from).map(text) == "Alice <sip:alice@atlanta.com>;tag=alice")
        #expect(bye.value(.to).map(text) == "Bob <sip:bob@biloxi.com>;tag=bob")
        #expect(text(bye.callID) == "a84b4c76e66710")
        #expect(bye.value(.cseq).map(text) == "314160 BYE")
    }

    @Test func looseRoutersAreNamedInRouteAndTheTargetInTheRequestLine() throws {
        var dialog = try caller(records)
        let request = try next(&dialog, .info)
        #expect(text(request.requestURI) == "sip:bob@192.0.2.4")
        #expect(
            request.elements(.route).map(text) == [
                "<sip:p1.example.com;lr>", #""P, 2" <sip:p2.example.com;lr>"#,
                "<sip:p3.example.com;lr>",
            ])
        #expect(text(dialog.nextHop) == "sip:p1.example.com;lr")
    }

    @Test func aStrictRouterTakesTheRequestLineAndTheTargetIsTheLastRoute() throws {
        var dialog = try caller(
            """
            Contact: <sip:bob@192.0.2.4>
            Record-Route: <sip:p2.example.com;lr>
            Record-Route: <sip:p1.example.com?X=y>
            """)
        let request = try next(&dialog, .bye)
        #expect(text(request.requestURI) == "sip:p1.example.com")
        #expect(
            request.elements(.route).map(text) == [
                "<sip:p2.example.com;lr>", "<sip:bob@192.0.2.4>",
            ])
        #expect(text(dialog.nextHop) == "sip:p1.example.com?X=y")
    }

    // MARK: Sequence

    @Test func eachRequestTakesTheNextNumberAndAckTakesThatOfItsInvite() throws {
        var dialog = try caller()
        #expect(try next(&dialog, .info).cseqNumber == 314_160)
        let invite = try next(&dialog, .invite)
        #expect(invite.cseqNumber == 314_161)
        #expect(try next(&dialog, .update).cseqNumber == 314_162)
        var writer = MessageWriter()
        writer.field(.maxForwards, 70)
        dialog.acknowledgement(
            cseq: invite.cseqNumber, via: Array("SIP/2.0/UDP h;branch=z9hG4bKy".utf8), into: &writer
        )
        #expect(text(writer.bytes).contains("CSeq: 314161 ACK\r\n"))
        #expect(dialog.localCSeq == 314_162)
    }

    @Test func theCalleeStartsItsOwnNumbersAtOne() throws {
        var dialog = try callee()
        #expect(try next(&dialog, .bye).cseqNumber == 1)
    }

    @Test func numbersStayBelowTheirLimit() throws {
        var dialog = try caller()
        dialog.advanceLocalCSeq(by: 100)
        #expect(dialog.localCSeq == 314_259)
        dialog.advanceLocalCSeq(by: .max)
        dialog.advanceLocalCSeq(by: .max)
        #expect(dialog.localCSeq == 0x7fff_ffff)
        #expect(try next(&dialog, .bye).cseqNumber == 0x7fff_ffff)
    }

    private func peer(_ method: String, _ cseq: Int, contact: String = "sip:alice@new.com") throws
        -> Message
    {
        try MachineFixture.message(
            MachineFixture.request(
                "\(method) sip:bob@biloxi.com SIP/2.0", "\(cseq) \(method)",
                to: "Bob <sip:bob@biloxi.com>;tag=bob", extra: "Contact: <\(contact)>"))
    }

    @Test func aLowerNumberIsOutOfOrderAndAHigherOneMovesOn() throws {
        var dialog = try callee()
        #expect(try dialog.requestReceived(peer("INFO", 314_158)) == .outOfOrder)
        #expect(try dialog.requestReceived(peer("INFO", 314_170)) == .accept)
        #expect(try dialog.requestReceived(peer("INFO", 314_169)) == .outOfOrder)
        #expect(dialog.remoteCSeq == 314_170)
    }

    @Test func ackAndCancelCarryTheirInvitesNumberAndAreAccepted() throws {
        var dialog = try callee()
        _ = try dialog.requestReceived(peer("INFO", 314_170))
        #expect(try dialog.requestReceived(peer("ACK", 314_159)) == .accept)
        #expect(try dialog.requestReceived(peer("CANCEL", 314_159)) == .accept)
        #expect(dialog.remoteCSeq == 314_170)
    }

    @Test func theCallersDialogTakesAnyFirstNumberOfThePeer() throws {
        var dialog = try caller()
        let bye = try MachineFixture.message(
            MachineFixture.request(
                "BYE sip:alice@pc33.atlanta.com SIP/2.0", "7 BYE",
                from: "Bob <sip:bob@biloxi.com>;tag=bob",
                to: "Alice <sip:alice@atlanta.com>;tag=alice"))
        #expect(dialog.matches(bye))
        #expect(dialog.requestReceived(bye) == .accept)
        #expect(dialog.remoteCSeq == 7)
    }

    // MARK: Target

    @Test(arguments: ["INVITE", "UPDATE"])
    func aRequestTheWeAnswerWith2xxMovesTheTarget(_ method: String) throws {
        var dialog = try callee()
        try dialog.responseSent(200, to: invite())
        let request = try peer(method, 314_160)
        #expect(dialog.requestReceived(request) == .accept)
        #expect(text(dialog.remoteTarget) == "sip:alice@pc33.atlanta.com")
        dialog.responseSent(200, to: request)
        #expect(text(dialog.remoteTarget) == "sip:alice@new.com")
        #expect(text(dialog.localAddress) == "Bob <sip:bob@biloxi.com>;tag=bob")
    }

    /// The answer to the INVITE is no newer than what was said since.
    @Test func theTargetOfAnEarlyUPDATEOutlivesTheAnswer() throws {
        var dialog = try callee()
        let request = try peer("UPDATE", 314_160)
        #expect(dialog.requestReceived(request) == .accept)
        dialog.responseSent(200, to: request)
        try dialog.responseSent(200, to: invite())
        #expect(text(dialog.remoteTarget) == "sip:alice@new.com" && dialog.isConfirmed)
    }

    @Test func aRefusedReInviteLeavesTheTarget() throws {
        var dialog = try callee()
        try dialog.responseSent(200, to: invite())
        let request = try peer("INVITE", 314_160)
        _ = dialog.requestReceived(request)
        dialog.responseSent(488, to: request)
        #expect(text(dialog.remoteTarget) == "sip:alice@pc33.atlanta.com")
        #expect(dialog.isConfirmed)
    }

    @Test func anInfoNeverMovesTheTarget() throws {
        var dialog = try callee()
        let request = try peer("INFO", 314_160)
        _ = dialog.requestReceived(request)
        dialog.responseSent(200, to: request)
        #expect(text(dialog.remoteTarget) == "sip:alice@pc33.atlanta.com")
        #expect(dialog.isEarly)
    }

    @Test func the2xxOfOurReInviteMovesTheTarget() throws {
        var dialog = try caller(records)
        _ = try next(&dialog, .invite)
        let response = try MachineFixture.message(
            MachineFixture.response(
                200, "314160 INVITE", extra: "Contact: <sip:bob@198.51.100.9:5070;transport=tcp>"))
        dialog.responseReceived(response)
        #expect(text(dialog.remoteTarget) == "sip:bob@198.51.100.9:5070;transport=tcp")
        #expect(Array(dialog.routeSet).count == 3)
        #expect(text(dialog.callID) == "a84b4c76e66710")
    }

    // MARK: Glare

    @Test func anInviteThatMeetsOursIsGlareUntilOursEnds() throws {
        var dialog = try callee()
        try dialog.responseSent(200, to: invite())
        _ = try next(&dialog, .invite)
        #expect(try dialog.requestReceived(peer("INVITE", 314_160)) == .glare)
        #expect(try dialog.requestReceived(peer("UPDATE", 314_161)) == .accept)
        dialog.inviteFailed()
        #expect(try dialog.requestReceived(peer("INVITE", 314_162)) == .accept)
    }

    @Test func anInviteOverAnUnansweredOneIsOverlappingUntilItIsAnswered() throws {
        var dialog = try callee()
        #expect(try dialog.requestReceived(peer("INVITE", 314_160)) == .overlapping)
        try dialog.responseSent(180, to: invite())
        #expect(try dialog.requestReceived(peer("INVITE", 314_161)) == .overlapping)
        try dialog.responseSent(200, to: invite())
        #expect(try dialog.requestReceived(peer("INVITE", 314_162)) == .accept)
    }

    @Test func aFinalResponseToOurInviteEndsGlare() throws {
        var dialog = try caller()
        _ = try next(&dialog, .invite)
        try dialog.responseReceived(
            MachineFixture.message(MachineFixture.response(491, "314160 INVITE")))
        let invite = try MachineFixture.message(
            MachineFixture.request(
                "INVITE sip:alice@pc33.atlanta.com SIP/2.0", "1 INVITE",
                from: "Bob <sip:bob@biloxi.com>;tag=bob",
                to: "Alice <sip:alice@atlanta.com>;tag=alice", extra: "Contact: <sip:b@b.com>"))
        #expect(dialog.requestReceived(invite) == .accept)
    }

    // MARK: Keys

    @Test func requestAndResponseFindTheirDialog() throws {
        let calling = try caller()
        let called = try callee()
        #expect(try calling.key == DialogKey(response: answer(180)))
        #expect(try called.key == DialogKey(request: peer("BYE", 314_160)))
        #expect(try called.matches(peer("BYE", 314_160)))
        #expect(calling.key != called.key)
        #expect(try DialogKey(request: invite()) == nil)
        #expect(try !called.matches(invite()))
    }

    @Test func piecesOfAKeyDoNotRunIntoEachOther() {
        func key(_ a: String, _ b: String, _ c: String) -> DialogKey {
            DialogKey(
                callID: Array(a.utf8)[...], localTag: Array(b.utf8)[...],
                remoteTag: Array(c.utf8)[...])
        }
        #expect(key("ab", "c", "d") != key("a", "bc", "d"))
        #expect(key("a", "b", "") != key("a", "", "b"))
    }
}
