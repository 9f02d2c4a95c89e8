import Charging
import SIP
import Testing

@testable import Switching

/// Texts from phone to phone (RFC 3428).
@Suite struct TextTests {
    /// A text whose answers are in the inbox.
    private func send(
        _ text: String, to number: String, by phone: inout Party, _ site: inout Site,
        id: String = "1", extra: String = ""
    ) throws {
        phone.callID = "text-\(id)"
        try phone.authenticated(
            "MESSAGE", uri: "sip:\(number)@example.com", to: "<sip:\(number)@example.com>",
            extra: extra, body: text, site: &site)
    }

    @Test func itReachesThePhoneAndTheSenderHearsThatItDid() throws {
        var site = try Site(plan: Site.featurePlan)
        var phones = try site.registered("8001", "8002")
        try send("Lunch?", to: "8002", by: &phones[0], &site, extra: "Subject: food\n")
        let text = try site.next(phones[1].endpoint)
        #expect(text.method == .message && text.text == "Lunch?")
        #expect(text.text(.from)?.hasPrefix("\"Phone 8001\" <sip:8001@") == true)
        #expect(text.text(.to)?.hasPrefix("<sip:8002@") == true)
        #expect(text.text(.subject) == "food" && text.maxForwards == 69)
        // It is no dialog's, and nothing of the sender's side is in it.
        #expect(text.toTag == nil && !text.has(.contact) && !text.has(.authorization))
        #expect(!text.callID.elementsEqual("text-1".utf8))
        #expect(site.all(phones[0].endpoint).isEmpty)
        phones[1].answer(text, 200, at: &site)
        let answer = try site.next(phones[0].endpoint)
        #expect(answer.status == 200 && answer.method == .message && answer.toTag != nil)
        #expect(site.records.isEmpty && site.postings.isEmpty && site.sw.forkCount == 0)
    }

    @Test func everyPhoneOfAnExtensionGetsItAndOneIsEnough() throws {
        var site = try Site(plan: Site.featurePlan)
        var sender = try site.registered("8001")[0]
        var desk = try site.registered("8002")[0]
        var mobile = Party("8002", Endpoint(text: "127.0.0.1:10502"))
        #expect(try mobile.register(at: &site).status == 200)
        try send("Lunch?", to: "8002", by: &sender, &site)
        let first = try site.next(desk.endpoint)
        let second = try site.next(mobile.endpoint)
        desk.answer(first, 415, at: &site)
        #expect(site.all(sender.endpoint).isEmpty)
        mobile.answer(second, 202, at: &site)
        #expect(try site.next(sender.endpoint).status == 202)
        #expect(site.sw.forkCount == 0)
    }

    @Test(arguments: [
        ([486, 408], 486), ([415, 480], 415), ([404, 500], 480), ([401, 302], 480),
        ([603, 486], 603),
    ])
    func whereNoneTakesItTheSenderHearsWhatSaysMost(statuses: [Int], told: Int) throws {
        var site = try Site(plan: Site.featurePlan)
        var sender = try site.registered("8001")[0]
        var desk = try site.registered("8002")[0]
        var mobile = Party("8002", Endpoint(text: "127.0.0.1:10502"))
        #expect(try mobile.register(at: &site).status == 200)
        try send("Lunch?", to: "8002", by: &sender, &site)
        desk.answer(try site.next(desk.endpoint), statuses[0], at: &site)
        mobile.answer(try site.next(mobile.endpoint), statuses[1], at: &site)
        #expect(try site.next(sender.endpoint).status == told)
    }

    @Test func anExtensionSendsNoMoreTextsThanItMayAndOthersNoticeNothing() throws {
        var settings = Site.settings()
        settings.limits.burstOfTexts = 5
        settings.limits.textsOfExtension = 30
        var site = try Site(settings: settings, plan: Site.featurePlan)
        var phones = try site.registered("8001", "8002", "8003")
        func sent(_ count: Int, by place: Int, _ id: String) throws -> Int {
            var passed = 0
            for number in 0..<count {
                try send("Hey!", to: "8003", by: &phones[place], &site, id: "\(id)-\(number)")
                for text in site.all(phones[2].endpoint) { phones[2].answer(text, 200, at: &site) }
                let answer = try site.next(phones[place].endpoint)
                #expect(answer.status == 200 || answer.status == 503 && answer.has(.retryAfter))
                passed += answer.status == 200 ? 1 : 0
            }
            return passed
        }
        #expect(try sent(8, by: 0, "a") == 5)
        #expect(site.sw.counters.all["refused-texts-per-minute"] == 3)
        #expect(try sent(5, by: 1, "b") == 5)
        // One in two seconds.
        site.pass(.seconds(4))
        #expect(try sent(5, by: 0, "c") == 2)
        // Whoever was refused calls as ever.
        try phones[0].call("8002", at: &site)
        #expect(site.said(phones[1].endpoint) == "INVITE")
        site.pass(.seconds(120))
        #expect(site.sw.textRateCount == 0)
    }

    @Test func aPhoneThatSaysNothingEndsAt480InTime() throws {
        var site = try Site(plan: Site.featurePlan)
        var phones = try site.registered("8001", "8002")
        try send("Lunch?", to: "8002", by: &phones[0], &site)
        _ = site.all(phones[1].endpoint)
        site.pass(.seconds(17))
        let answer = try #require(site.all(phones[0].endpoint).last)
        #expect(answer.status == 480)
        #expect(site.sw.forkCount == 0)
        site.pass(.seconds(40))
        #expect(site.all(phones[0].endpoint).isEmpty)
    }

    @Test func whoHasNoPhoneIsNotThere() throws {
        var site = try Site(plan: Site.featurePlan)
        var sender = try site.registered("8001")[0]
        try send("Lunch?", to: "8002", by: &sender, &site)
        let answer = try site.next(sender.endpoint)
        #expect(answer.status == 480 && answer.phrase == "8002 Is Not Registered")
    }

    @Test func oneThatIsTooLongIsRefused() throws {
        var site = try Site(plan: Site.featurePlan)
        var phones = try site.registered("8001", "8002")
        let most = String(repeating: "x", count: 1300)
        try send(most, to: "8002", by: &phones[0], &site)
        #expect(try site.next(phones[1].endpoint).body.count == 1300)
        try send(most + "x", to: "8002", by: &phones[0], &site, id: "2")
        #expect(try site.next(phones[0].endpoint).status == 413)
        #expect(site.all(phones[1].endpoint).isEmpty)
    }

    @Test func whoMayNotCallMayNotWrite() throws {
        var site = try Site(plan: Site.featurePlan)
        var phones = try site.registered("8001", "8002")
        var settings = SettingsChange()
        settings.incomingLevel = "inner"
        _ = site.request(
            .extensionsChanged([ExtensionChange(number: "8002", settings: settings)]))
        try send("Lunch?", to: "8002", by: &phones[0], &site)
        #expect(try site.next(phones[1].endpoint).method == .message)
        _ = site.all(phones[0].endpoint)
        for (number, status) in [
            ("8099", 404), ("02088886666", 403), ("110", 403), ("*8", 403), ("66770000", 403),
        ] {
            try send("Lunch?", to: number, by: &phones[0], &site, id: number)
            #expect(try site.next(phones[0].endpoint).status == status, "\(number)")
        }
        var stranger = Party.phone("8003")
        stranger.callID = "text-stranger"
        try stranger.authenticated(
            "MESSAGE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>", extra: "",
            body: "Lunch?", site: &site, password: "guessed")
        #expect(try site.next(stranger.endpoint).status == 403)
        #expect(site.sw.counters.all["texts"] == 1)
    }

    @Test func neitherDoNotDisturbNorForwardingKeepsItAway() throws {
        var site = try Site.withFeatures([
            "8002": {
                $0.doNotDisturb = true
                $0.forwardAlways = "8003"
            }
        ])
        var phones = try site.registered("8001", "8002", "8003")
        try send("Lunch?", to: "8002", by: &phones[0], &site)
        #expect(try site.next(phones[1].endpoint).method == .message)
        #expect(site.all(phones[2].endpoint).isEmpty)
    }

    // MARK: Max-Breadth (RFC 5393 §5)

    private static let shares: [(field: String, shares: [UInt32])] = [
        ("", [30, 30]), ("Max-Breadth: 5\n", [2, 2]), ("Max-Breadth: 1\n", [1]),
        ("Max-Breadth: 4000000000\n", [30, 30]),
    ]

    @Test(arguments: shares)
    func phonesShareTheBreadthOfTheirText(field: String, shares: [UInt32]) throws {
        var site = try Site(plan: Site.featurePlan)
        var sender = try site.registered("8001")[0]
        let desk = try site.registered("8002")[0]
        var mobile = Party("8002", Endpoint(text: "127.0.0.1:10502"))
        #expect(try mobile.register(at: &site).status == 200)
        try send("Lunch?", to: "8002", by: &sender, &site, extra: field)
        let texts = site.all(desk.endpoint) + site.all(mobile.endpoint)
        #expect(texts.map { $0.number(.maxBreadth) } == shares)
    }

    @Test func aTextThatMayGoNowhereIsRefused() throws {
        var site = try Site(plan: Site.featurePlan)
        var phones = try site.registered("8001", "8002")
        try send("Lunch?", to: "8002", by: &phones[0], &site, extra: "Max-Breadth: 0\n")
        #expect(site.said(phones[0].endpoint) == "440" && site.said(phones[1].endpoint) == "")
    }

    @Test func oneThatGoesRoundEnds() throws {
        var site = try Site(plan: Site.featurePlan)
        var phone = try site.registered("8001")[0]
        phone.callID = "text"
        site.deliver(
            """
            MESSAGE sip:8001@example.com SIP/2.0
            Via: SIP/2.0/UDP \(phone.endpoint);branch=z9hG4bK-loop;rport
            Max-Forwards: 0
            From: <sip:8001@example.com>;tag=a
            To: <sip:8001@example.com>
            Call-ID: text
            CSeq: 1 MESSAGE
            Content-Length: 0


            """, from: phone.endpoint)
        #expect(try site.next(phone.endpoint).status == 483)
    }

    @Test func aTextFromPhoneToPhoneIsAnsweredOnceForEachTransaction() throws {
        var site = try Site(plan: Site.featurePlan)
        var phones = try site.registered("8001", "8002")
        try send("Lunch?", to: "8002", by: &phones[0], &site)
        let text = try site.next(phones[1].endpoint)
        // The phone is slow: the same request again, not another one.
        site.pass(.milliseconds(600))
        let again = try site.next(phones[1].endpoint)
        #expect(again.topVia.branch.map { Array($0) } == text.topVia.branch.map { Array($0) })
        phones[1].answer(text, 200, at: &site)
        phones[1].answer(again, 200, at: &site)
        #expect(site.all(phones[0].endpoint).map(\.status) == [200])
    }
}
