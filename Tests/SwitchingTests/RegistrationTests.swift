import SIP
import Testing

@testable import Switching

@Suite struct RegistrationTests {
    @Test func aPhoneWithItsPasswordIsBoundAndStored() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        let answer = try phone.register(at: &site)
        #expect(answer.status == 200)
        let contact = try #require(answer.address(.contact))
        #expect(contact.uri.elementsEqual("sip:8001@127.0.0.1:18001".utf8))
        #expect(contact.parameter("expires")??.elementsEqual("3600".utf8) == true)
        guard case .bindingSaved(let binding) = site.commits.last?.changes.last else {
            Issue.record("no binding was stored")
            return
        }
        #expect(binding.number == "8001" && binding.flow.remote == phone.endpoint)
        #expect(binding.expiresAt == 1_800_000_000_000_000 + 3_600_000_000)
    }

    @Test func anUnknownUserLooksLikeAWrongPassword() throws {
        var site = try Site()
        var wrong = Party.phone("8001")
        var unknown = Party.phone("8077")
        let first = try wrong.register(at: &site, password: "no")
        let second = try unknown.register(at: &site, password: "no")
        #expect(first.status == 403 && second.status == 403)
        #expect(first.reasonPhrase.elementsEqual(second.reasonPhrase))
        #expect(site.sw.registrar.count == 0)
    }

    @Test func nobodyRegistersForAnother() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        phone.callID = "x"
        try phone.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8002@example.com>",
            extra: "Expires: 60\n", site: &site)
        #expect(try site.next(phone.endpoint).status == 403)
    }

    @Test func tooShortAnExpiryIsTold() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        let answer = try phone.register(at: &site, expires: 30)
        #expect(answer.status == 423 && answer.number(.minExpires) == 60)
    }

    @Test func zeroUnregistersAndStarDoesTheSame() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        _ = try phone.register(at: &site)
        let gone = try phone.register(at: &site, expires: 0)
        #expect(gone.status == 200 && !gone.has(.contact) && site.sw.registrar.count == 0)
    }

    @Test func aBindingEndsWhenItsTimeIsOver() throws {
        var site = try Site()
        _ = try site.registered("8001")
        site.pass(.seconds(3590))
        #expect(site.sw.registrar.count == 1)
        site.pass(.seconds(120))
        #expect(site.sw.registrar.count == 0)
        guard case .bindingRemoved = site.commits.last?.changes.last else {
            Issue.record("the store was not told")
            return
        }
    }

    @Test func aRetransmittedRegisterIsAnsweredAgainAndChangesNothing() throws {
        var site = try Site()
        var phone = Party.phone("8001")
        _ = try phone.register(at: &site)
        let commits = site.commits.count
        phone.cseq = 0
        // The same Call-ID with a number that was used before.
        try phone.authenticated(
            "REGISTER", uri: "sip:example.com", to: "<sip:8001@example.com>", extra: "",
            site: &site)
        #expect(try site.next(phone.endpoint).status == 500)
        #expect(site.commits.count == commits)
    }

    @Test func theOldestContactGivesWayAtTheLimit() throws {
        var site = try Site()
        for port in 1...6 {
            var phone = Party("8001", Endpoint(text: "127.0.0.1:\(20_000 + port)"))
            phone.callID = "phone-\(port)"
            try phone.authenticated(
                "REGISTER", uri: "sip:example.com", to: "<sip:8001@example.com>", extra: "",
                site: &site)
            #expect(try site.next(phone.endpoint).status == 200)
        }
        let ports = site.sw.registrar.all(at: 0).map(\.flow.remote.port)
        #expect(ports == [20_002, 20_003, 20_004, 20_005, 20_006])
    }
}
