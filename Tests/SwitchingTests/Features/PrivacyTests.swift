import Charging
import SIP
import Testing

@testable import Switching

/// Who learns who calls (RFC 3323, 3325), and by whom a call was sent on (RFC 5806, 7044).
@Suite struct PrivacyTests {
    private func site(isTrusted: Bool, _ forward: String? = nil) throws -> Site {
        var settings = Site.settings()
        for place in settings.trunks.indices { settings.trunks[place].isTrusted = isTrusted }
        return try Site(settings: settings, plan: Site.featurePlan) { stored in
            guard let forward else { return }
            var user = UserSettings()
            user.forwardAlways = forward
            stored.userSettings["8004"] = user
        }
    }

    private func invite(
        isTrusted: Bool, extra: String, dials number: String = "02088886666"
    ) throws -> Message {
        var site = try site(isTrusted: isTrusted)
        var phone = try site.registered("8001")[0]
        try phone.call(number, at: &site, extra: extra)
        return try site.next(number == "110" ? Site.pstn : Site.e1)
    }

    @Test func aTrustedTrunkLearnsTheNumberBesideTheWishToHideIt() throws {
        let hidden = try invite(isTrusted: true, extra: "Privacy: id\n")
        #expect(
            hidden.text(.from)?.hasPrefix("\"Anonymous\" <sip:anonymous@anonymous.invalid>") == true
        )
        #expect(hidden.text(.pAssertedIdentity)?.hasPrefix("<sip:+8631166778001@") == true)
        #expect(hidden.text(.privacy) == "id")
    }

    @Test(arguments: ["Privacy: id\n", "Privacy: header;user\n", "Privacy: user ; critical\n"])
    func anyOtherLearnsNothing(extra: String) throws {
        let hidden = try invite(isTrusted: false, extra: extra)
        #expect(hidden.text(.from)?.contains("anonymous.invalid") == true)
        #expect(!hidden.has(.pAssertedIdentity))
        #expect(!String(decoding: hidden.bytes, as: UTF8.self).contains("66778001"))
        #expect(!String(decoding: hidden.bytes, as: UTF8.self).contains("8001"))
    }

    @Test(arguments: ["", "Privacy: none\n"])
    func whoHidesNothingIsShown(extra: String) throws {
        let trusted = try invite(isTrusted: true, extra: extra)
        #expect(trusted.text(.from)?.contains("+8631166778001") == true)
        #expect(trusted.text(.pAssertedIdentity)?.contains("+8631166778001") == true)
        let other = try invite(isTrusted: false, extra: extra)
        #expect(other.text(.from)?.contains("+8631166778001") == true)
        #expect(!other.has(.pAssertedIdentity))
    }

    @Test func anEmergencyCallHidesNobody() throws {
        let invite = try invite(isTrusted: false, extra: "Privacy: id\n", dials: "110")
        #expect(invite.text(.from)?.contains("66778001") == true)
        #expect(invite.text(.pAssertedIdentity)?.contains("66778001") == true)
    }

    @Test func aPhoneSeesNoCallerThatHides() throws {
        var site = try site(isTrusted: true)
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site, extra: "Privacy: id\n")
        let invite = try site.invite(phones[1])
        #expect(invite.text(.from)?.contains("anonymous.invalid") == true)
        #expect(!invite.has(.pAssertedIdentity))
        #expect(!String(decoding: invite.bytes, as: UTF8.self).contains("8001"))
        phones[1].answer(invite, 486, at: &site)
        // The record knows.
        #expect(site.records.last?.caller == "8001")
    }

    @Test func whatAPhoneAssertsOfItselfIsNotPassed() throws {
        let invite = try invite(
            isTrusted: true, extra: "P-Asserted-Identity: <sip:8009@example.com>\n")
        #expect(invite.text(.pAssertedIdentity)?.contains("8009") == false)
        #expect(Array(invite.values(.pAssertedIdentity)).count == 1)
    }

    /// A call to the direct line of 8001, from a gateway that says these things.
    private func inbound(_ site: inout Site, from: String, extra: String) {
        site.deliver(
            """
            INVITE sip:66778001@127.0.0.1:5060 SIP/2.0
            Via: SIP/2.0/UDP \(Site.pstn);branch=z9hG4bK-in;rport
            Max-Forwards: 70
            From: \(from);tag=gw
            To: <sip:66778001@127.0.0.1>
            Call-ID: inbound
            CSeq: 1 INVITE
            Contact: <sip:\(Site.pstn)>
            \(extra)Content-Length: 0


            """, from: Site.pstn)
    }

    @Test func aTrustedTrunkIsBelievedAndItsHiddenCallersStayHidden() throws {
        var site = try site(isTrusted: true)
        var phone = try site.registered("8001")[0]
        inbound(
            &site, from: "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
            extra: "P-Asserted-Identity: <sip:01055556666@127.0.0.1>\nPrivacy: id\n")
        let invite = try site.invite(phone)
        #expect(invite.text(.from)?.contains("anonymous.invalid") == true)
        #expect(!String(decoding: invite.bytes, as: UTF8.self).contains("01055556666"))
        phone.answer(invite, 486, at: &site)
        #expect(site.records.last?.caller == "01055556666")
    }

    @Test func anyOtherTrunkIsNotBelieved() throws {
        var site = try site(isTrusted: false)
        var phone = try site.registered("8001")[0]
        inbound(
            &site, from: "<sip:86035566@127.0.0.1>",
            extra: "P-Asserted-Identity: <sip:01055556666@127.0.0.1>\n")
        let invite = try site.invite(phone)
        #expect(invite.text(.from)?.contains("86035566") == true)
        phone.answer(invite, 486, at: &site)
        #expect(site.records.last?.caller == "86035566")
    }

    // MARK: Sent on

    @Test func aTrustedTrunkLearnsByWhomACallWasSentOn() throws {
        var site = try site(isTrusted: true, "02088886666")
        var phone = try site.registered("8001")[0]
        try phone.call("8004", at: &site)
        let invite = try site.next(Site.e1)
        #expect(
            invite.text(.diversion)?.hasPrefix("<sip:66778004@127.0.0.1:5060>;reason=unconditional")
                == true)
        let history = invite.values(.historyInfo).map { String(decoding: $0, as: UTF8.self) }
        #expect(history.count == 2)
        #expect(
            history[0] == "<sip:66778004@127.0.0.1:5060?Reason=SIP%3Bcause%3D302>;index=1")
        #expect(history[1].hasSuffix(";cause=302>;index=1.1;mp=1"))
        #expect(history[1].contains("2088886666"))
    }

    @Test func anyOtherTrunkDoesNot() throws {
        var site = try site(isTrusted: false, "02088886666")
        var phone = try site.registered("8001")[0]
        try phone.call("8004", at: &site)
        let invite = try site.next(Site.e1)
        #expect(!invite.has(.diversion) && !invite.has(.historyInfo))
    }

    @Test func everyTurnOfACallIsInItsHistory() throws {
        var site = try Site.withFeatures([
            "8004": { $0.forwardAlways = "8002" }, "8002": { $0.forwardBusy = "8005" },
        ])
        var phones = try site.registered("8001", "8002", "8005")
        try phones[0].call("8004", at: &site)
        phones[1].answer(try site.invite(phones[1]), 486, at: &site)
        let invite = try site.invite(phones[2])
        let history = invite.values(.historyInfo).map { String(decoding: $0, as: UTF8.self) }
        #expect(
            history == [
                "<sip:8004@127.0.0.1:5060?Reason=SIP%3Bcause%3D302>;index=1",
                "<sip:8002@127.0.0.1:5060;cause=302?Reason=SIP%3Bcause%3D486>;index=1.1;mp=1",
                "<sip:8005@127.0.0.1:5060;cause=486>;index=1.1.1;mp=1.1",
            ])
        let diversions = invite.values(.diversion).map { String(decoding: $0, as: UTF8.self) }
        #expect(diversions.map { $0.contains("8002") } == [true, false])
    }

    private static let earlier =
        "Diversion: <sip:4001@carrier.example>;reason=user-busy\n"
        + "History-Info: <sip:4001@carrier.example>;index=1, <sip:66778001@x.example>;index=1.1\n"

    @Test func whatATrustedTrunkSaysOfTheWayBeforeUsGoesOn() throws {
        func heard(isTrusted: Bool, _ extra: String) throws -> Message {
            var site = try site(isTrusted: isTrusted)
            let phone = try site.registered("8001")[0]
            inbound(&site, from: "<sip:86035566@127.0.0.1>", extra: Self.earlier + extra)
            return try site.invite(phone)
        }
        let passed = try heard(isTrusted: true, "")
        #expect(passed.text(.diversion) == "<sip:4001@carrier.example>;reason=user-busy")
        let history = passed.elements(.historyInfo).map { String(decoding: $0, as: UTF8.self) }
        #expect(
            history == [
                "<sip:4001@carrier.example>;index=1", "<sip:66778001@x.example>;index=1.1",
            ])
        for kept in [
            try heard(isTrusted: false, ""), try heard(isTrusted: true, "Privacy: history\n"),
        ] {
            #expect(!kept.has(.diversion) && !kept.has(.historyInfo))
        }
    }

    @Test func whoSendsItOnHereStandsBehindThem() throws {
        var site = try Site.withFeatures(["8001": { $0.forwardAlways = "8002" }])
        let phone = try site.registered("8002")[0]
        inbound(&site, from: "<sip:86035566@127.0.0.1>", extra: Self.earlier)
        let invite = try site.invite(phone)
        let history = invite.elements(.historyInfo).map { String(decoding: $0, as: UTF8.self) }
        #expect(
            history.suffix(2) == [
                "<sip:8001@127.0.0.1:5060?Reason=SIP%3Bcause%3D302>;index=1.1.1;mp=1.1",
                "<sip:8002@127.0.0.1:5060;cause=302>;index=1.1.1.1;mp=1.1.1",
            ])
        let diversions = invite.elements(.diversion).map { String(decoding: $0, as: UTF8.self) }
        #expect(diversions.map { $0.contains("8001") } == [true, false])
    }

    @Test func aReasonOfEitherSideReachesTheOther() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        phones[1].send("BYE", at: &site, extra: "Reason: Q.850;cause=31;text=\"enough\"\n")
        let bye = try site.next(phones[0].endpoint)
        #expect(bye.text(.reason) == "Q.850;cause=31;text=\"enough\"")
        #expect(site.records.last?.q850Cause == 31)
        _ = site.all(phones[1].endpoint)
        try phones[0].call("8002", at: &site, id: "2")
        phones[1].answer(
            try site.invite(phones[1]), 480, at: &site, extra: "Reason: Q.850;cause=20\n")
        #expect(
            try #require(site.all(phones[0].endpoint).last).text(.reason)?.contains("cause=20")
                == true)
    }
}
