import SIP
import Testing

@testable import Switching

/// Lamps beside keys: who watches an extension is told whether it rings or talks.
@Suite struct SubscriptionTests {
    private static let fields =
        "Event: dialog\nAccept: application/dialog-info+xml\nExpires: 600\n"

    /// A phone that watches 8002, and has been told that it is idle.
    private func watching(
        _ site: inout Site, _ number: String = "8004", fields: String = fields
    ) throws -> Party {
        var phone = try site.registered(number)[0]
        phone.callID = "watch-\(number)"
        phone.local = "<sip:\(number)@example.com>;tag=t\(number)"
        try phone.authenticated(
            "SUBSCRIBE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: fields, site: &site)
        let answer = try site.next(phone.endpoint)
        #expect(answer.status == 200 && answer.text(.expires) == "600")
        phone.established(by: answer)
        #expect(try told(&phone, &site) == [])
        return phone
    }

    /// The states of the next document, which is answered.
    private func told(_ phone: inout Party, _ site: inout Site) throws -> [String] {
        let notify = try site.next(phone.endpoint)
        #expect(notify.method == .notify && notify.text(.event) == "dialog")
        #expect(notify.text(.subscriptionState)?.hasPrefix("active;expires=") == true)
        #expect(notify.text.contains("entity=\"sip:8002@example.com\""))
        phone.answer(notify, 200, at: &site)
        return states(notify)
    }

    private func states(_ notify: Message) -> [String] {
        notify.text.components(between: "<state>", and: "</state>")
    }

    private func version(_ notify: Message) -> Int? {
        notify.text.components(between: "version=\"", and: "\"").compactMap(Int.init).last
    }

    @Test func aCallIsSeenFromTheFirstRingToTheEnd() throws {
        var site = try Site()
        var watcher = try watching(&site)
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let ringing = try site.next(watcher.endpoint)
        #expect(states(ringing) == ["early"] && version(ringing) == 1)
        #expect(ringing.text.contains("direction=\"recipient\""))
        // Nobody learns who calls.
        #expect(!ringing.text.contains("8001"))
        watcher.answer(ringing, 200, at: &site)
        phones[1].answer(try site.invite(phones[1]), 200, at: &site, body: Party.offer)
        #expect(try told(&watcher, &site) == ["confirmed"])
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        phones[0].send("BYE", at: &site)
        #expect(try told(&watcher, &site) == [])
        #expect(site.said(watcher.endpoint) == "" && site.isIdle)
    }

    @Test func oneThatIsSlowHearsTheLastStateAndNotEachInBetween() throws {
        var site = try Site()
        var watcher = try watching(&site)
        var phones = try site.registered("8002", "8001")
        try site.connected(&phones)
        let first = try site.next(watcher.endpoint)
        phones[0].send("BYE", at: &site)
        #expect(site.said(watcher.endpoint) == "")
        watcher.answer(first, 200, at: &site)
        #expect(try told(&watcher, &site) == [])
        #expect(site.said(watcher.endpoint) == "")
    }

    @Test func itIsRefreshedAndEndedByThePhone() throws {
        var site = try Site()
        var watcher = try watching(&site)
        site.pass(.seconds(500))
        try watcher.authenticatedInside("SUBSCRIBE", extra: Self.fields, site: &site)
        #expect(try site.next(watcher.endpoint).status == 200)
        #expect(try told(&watcher, &site) == [])
        site.pass(.seconds(500))
        guard case .status(let row) = site.request(.status) else {
            Issue.record("there is no status")
            return
        }
        #expect(row.counters["subscriptions"] == 1)
        try watcher.authenticatedInside(
            "SUBSCRIBE", extra: "Event: dialog\nExpires: 0\n", site: &site)
        #expect(try site.next(watcher.endpoint).status == 200)
        let last = try site.next(watcher.endpoint)
        #expect(last.text(.subscriptionState) == "terminated;reason=timeout")
        #expect(site.sw.subscriptions.count == 0 && site.sw.watchers.isEmpty)
        #expect(site.sw.subscriptionHandles.isEmpty && site.sw.subscriptionsOfWatcher.isEmpty)
    }

    @Test func itEndsWithItsTime() throws {
        var site = try Site()
        let watcher = try watching(&site)
        site.pass(.seconds(601))
        #expect(site.all(watcher.endpoint).first?.method == .notify)
        #expect(site.sw.subscriptions.count == 0)
    }

    @Test(arguments: [481, 0])
    func aPhoneThatKnowsNothingOfItIsToldNoMore(status: Int) throws {
        var site = try Site()
        var watcher = try watching(&site)
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        let notify = try site.next(watcher.endpoint)
        if status > 0 {
            watcher.answer(notify, status, at: &site)
        } else {
            site.pass(.seconds(33))
        }
        #expect(site.sw.subscriptions.count == 0)
    }

    @Test func itIsKeptOverACrashAndToldAnew() throws {
        var site = try Site()
        var watcher = try watching(&site)
        try site.crash(.process(.seconds(5)))
        site.pass(.milliseconds(1_001))
        let anew = try site.next(watcher.endpoint)
        #expect(anew.method == .notify && states(anew).isEmpty)
        #expect(try #require(version(anew)) > 1000)
        watcher.answer(anew, 200, at: &site)
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        #expect(try told(&watcher, &site) == ["early"])
        // What is over is not taken up.
        try site.crash(.process(.seconds(700)))
        #expect(site.sw.subscriptions.count == 0)
        try site.crash(.process(.seconds(1)))
        #expect(site.disk.subscriptions.isEmpty)
    }

    @Test(arguments: [
        ("Event: conference\n", 489), ("Event: message-summary\n", 489),
        ("", 489), ("Event: dialog\nExpires: 30\n", 423),
        ("Event: dialog\nAccept: application/pidf+xml\n", 406),
        ("Event: dialog\nRequire: eventlist\n", 420),
    ])
    func whatCannotBeToldIsRefused(fields: String, status: Int) throws {
        var site = try Site()
        var phone = try site.registered("8004")[0]
        phone.callID = "watch"
        try phone.authenticated(
            "SUBSCRIBE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: fields, site: &site)
        #expect(try site.next(phone.endpoint).status == status)
        try phone.authenticated(
            "SUBSCRIBE", uri: "sip:8099@example.com", to: "<sip:8099@example.com>",
            extra: Self.fields, site: &site)
        #expect(try site.next(phone.endpoint).status == 404)
        #expect(site.sw.subscriptions.count == 0)
    }

    /// RFC 3261 §20.1: parameters, ranges and capitals; the narrowest range counts.
    @Test(arguments: [
        ("application/dialog-info+xml;q=0.9", 200), ("*/*", 200), ("application/*", 200),
        ("Application/Dialog-Info+XML", 200), ("text/plain, application/* ; q=0.1", 200),
        ("application/dialog-info+xml ; version=2;q=1", 200),
        ("text/plain, */*;q=0.0", 406), ("text/*", 406), ("application/dialog-info", 406),
        ("*/*, application/dialog-info+xml;q=0", 406),
        ("application/dialog-info+xml, application/*;q=0", 200), ("", 406),
    ])
    func whatAPhoneAcceptsMayHaveParametersAndBeARange(accept: String, status: Int) throws {
        var site = try Site()
        var phone = try site.registered("8004")[0]
        phone.callID = "watch"
        try phone.authenticated(
            "SUBSCRIBE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: "Event: dialog\nAccept: \(accept)\n", site: &site)
        let answer = try site.next(phone.endpoint)
        #expect(answer.status == status)
        #expect(status == 200 || answer.text(.accept) == "application/dialog-info+xml")
    }

    @Test func theIdOfItsEventComesBackAndIsPartOfWhatItIs() throws {
        var site = try Site()
        var watcher = try site.registered("8004")[0]
        watcher.callID = "watch-8004"
        watcher.local = "<sip:8004@example.com>;tag=t8004"
        let fields = "Event: dialog;id=17\nExpires: 600\n"
        try watcher.authenticated(
            "SUBSCRIBE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: fields, site: &site)
        watcher.established(by: try site.next(watcher.endpoint))
        func told() throws -> String? {
            let notify = try site.next(watcher.endpoint)
            watcher.answer(notify, 200, at: &site)
            return notify.text(.event)
        }
        #expect(try told() == "dialog;id=17")
        for other in ["dialog", "dialog;id=18", "presence;id=17"] {
            try watcher.authenticatedInside(
                "SUBSCRIBE", extra: "Event: \(other)\nExpires: 0\n", site: &site)
            #expect(try site.next(watcher.endpoint).status == 481, "\(other)")
        }
        try watcher.authenticatedInside("SUBSCRIBE", extra: fields, site: &site)
        #expect(try site.next(watcher.endpoint).status == 200)
        #expect(try told() == "dialog;id=17")
        try site.crash(.process(.seconds(5)))
        site.pass(.milliseconds(1_001))
        #expect(try told() == "dialog;id=17")
        // As the last version wrote it: without an id.
        let kept = try #require(site.disk.subscriptions.first)
        let old = StoredSubscription(
            tag: kept.tag, expiresAt: kept.expiresAt, state: Array(kept.state.dropLast(8 + 2)))
        let read = try #require(Subscription(old, expiresAt: site.now))
        #expect(read.eventID.isEmpty && read.watched == "8002")
        #expect(
            try #require(Subscription(kept, expiresAt: site.now)).eventID.elementsEqual("17".utf8))
        // No token.
        watcher.callID = "second"
        try watcher.authenticated(
            "SUBSCRIBE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: "Event: dialog;id=\"1;7\"\n", site: &site)
        #expect(try site.next(watcher.endpoint).status == 400)
    }

    @Test func thePhoneOfAnExtensionThatIsRemovedIsToldNoMore() throws {
        var site = try Site()
        let watcher = try watching(&site)
        var other = try watching(&site, "8005")
        guard case .done = site.request(.extensionRemoved(number: "8004")) else {
            Issue.record("it is not removed")
            return
        }
        let last = try site.next(watcher.endpoint)
        #expect(last.text(.subscriptionState) == "terminated;reason=rejected")
        #expect(last.body.isEmpty)
        #expect(site.sw.subscriptions.count == 1)
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        #expect(site.said(watcher.endpoint) == "")
        #expect(try told(&other, &site) == ["early"])
        try site.crash(.process(.seconds(1)))
        #expect(site.disk.subscriptions.count == 1)
    }

    @Test func oneExtensionHasSoManyAndNoMore() throws {
        var settings = Site.settings()
        settings.limits.subscriptionsOfExtension = 1
        var site = try Site(settings: settings)
        var watcher = try watching(&site)
        watcher.callID = "second"
        try watcher.authenticated(
            "SUBSCRIBE", uri: "sip:8001@example.com", to: "<sip:8001@example.com>",
            extra: Self.fields, site: &site)
        let answer = try site.next(watcher.endpoint)
        #expect(answer.status == 503 && answer.has(.retryAfter))
    }

    @Test func aStrangerWatchesNobodyAndEndsNobodysSubscription() throws {
        var site = try Site()
        let watcher = try watching(&site)
        var stranger = try site.registered("8005")[0]
        stranger.callID = watcher.callID
        (stranger.local, stranger.remote) = (watcher.local, watcher.remote)
        try stranger.authenticatedInside(
            "SUBSCRIBE", extra: "Event: dialog\nExpires: 0\n", site: &site)
        #expect(try site.next(stranger.endpoint).status == 403)
        #expect(site.sw.subscriptions.count == 1)
    }
}

extension Party {
    /// A request inside the dialog, with the answer to the challenge of the first try.
    mutating func authenticatedInside(
        _ method: String, extra: String, site: inout Site
    ) throws {
        send(method, at: &site, extra: extra)
        let challenge = try site.next(endpoint)
        #expect(challenge.status == 401)
        var responder = DigestResponder(
            username: number, password: "secret\(number)", hashes: Site.hashes)
        _ = responder.challenged(by: challenge.values(.wwwAuthenticate))
        let field = responder.credentials(
            method: Method(method), uri: Array("sip:127.0.0.1:5060".utf8),
            cnonce: Array("cnonce".utf8))
        let credentials = String(decoding: try #require(field), as: UTF8.self)
        send(method, at: &site, extra: extra + "Authorization: \(credentials)\n")
    }
}

extension String {
    /// What stands between two marks, each time.
    func components(between start: String, and end: String) -> [String] {
        split(separator: start).dropFirst().compactMap { part in
            part.split(separator: end, omittingEmptySubsequences: false).first.map(String.init)
        }
    }
}
