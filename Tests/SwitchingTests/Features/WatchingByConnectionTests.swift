import SIP
import Testing

@testable import Switching

/// Who watches by TCP or TLS goes on being told when its connection is gone, and by the next one.
@Suite struct WatchingByConnectionTests {
    /// A phone behind NAT, by one of its connections.
    private struct Watcher {
        var phone: Party
        let transport: TransportKind
        /// What its `+sip.instance` says; empty for none.
        var instance = ""
        var address = "192.168.1.9:5061"

        init(_ transport: TransportKind, number: String = "8004", port: Int = 40_001) {
            self.transport = transport
            phone = Party(number, Endpoint(text: "203.0.113.9:\(port)"))
        }

        var flow: Flow {
            Flow(
                transport: transport, listener: transport == .udp ? 0 : 1, remote: phone.endpoint)
        }

        var contact: String {
            let uri = "<sip:\(phone.number)@\(address);transport=\(transport.name)>"
            return "Contact: \(uri)\(instance.isEmpty ? "" : ";+sip.instance=\"<\(instance)>\"")\n"
        }

        /// Its connection is gone, and it has another one.
        mutating func moves(to port: Int, _ site: inout Site) {
            closes(&site)
            phone.endpoint = Endpoint(text: "203.0.113.9:\(port)")
        }

        func closes(_ site: inout Site) {
            site.handle(.connectionClosed(ClosedConnection(flow: flow, wasAccepted: true)))
        }

        mutating func register(_ site: inout Site, id: String = "r") throws {
            site.streams[phone.endpoint] = flow
            let known = (phone.callID, phone.local, phone.remote)
            phone.callID = "\(id)-\(phone.number)"
            try phone.authenticated(
                "REGISTER", uri: "sip:example.com", to: "<sip:\(phone.number)@example.com>",
                extra: "\(contact)Expires: 3600\n", hasContact: false, site: &site)
            #expect(try site.next(phone.endpoint).status == 200)
            (phone.callID, phone.local, phone.remote) = known
        }

        mutating func subscribe(
            _ event: String, to watched: String, _ site: inout Site, id: String = "w"
        ) throws {
            site.streams[phone.endpoint] = flow
            phone.callID = "\(id)-\(phone.number)"
            phone.local = "<sip:\(phone.number)@example.com>;tag=\(phone.tag)"
            try phone.authenticated(
                "SUBSCRIBE", uri: "sip:\(watched)@example.com", to: "<sip:\(watched)@example.com>",
                extra: "Event: \(event)\n\(contact)Expires: 600\n", hasContact: false, site: &site)
            let answer = try site.next(phone.endpoint)
            try #require(answer.status == 200)
            phone.established(by: answer)
        }

        /// The next NOTIFY, by its connection, which is answered.
        mutating func told(_ site: inout Site) throws -> Message {
            let notify = try site.next(phone.endpoint)
            #expect(notify.method == .notify && site.sentOn.contains(flow))
            phone.answer(notify, 200, at: &site)
            return notify
        }
    }

    private func site(_ transport: TransportKind, limit: Int = 200) throws -> Site {
        var settings = Site.settings()
        settings.mailbox = "pstn"
        settings.limits.subscriptionsOfExtension = limit
        settings.listeners.append(
            ListenerSettings(
                transport: transport, bound: Site.own, advertisedHost: "127.0.0.1",
                advertisedPort: 5061))
        return try Site(settings: settings, plan: Site.featurePlan)
    }

    /// One that has been told that 8002 is free.
    private func watching(
        _ site: inout Site, _ transport: TransportKind, instance: String = ""
    ) throws -> Watcher {
        var watcher = Watcher(transport)
        watcher.instance = instance
        try watcher.register(&site)
        try watcher.subscribe("dialog", to: "8002", &site)
        #expect(try states(watcher.told(&site)) == [])
        return watcher
    }

    private func states(_ notify: Message) -> [String] {
        notify.text.components(between: "<state>", and: "</state>")
    }

    private func version(_ notify: Message) -> Int {
        notify.text.components(between: "version=\"", and: "\"").compactMap(Int.init).last ?? -1
    }

    /// 8001 calls 8002, which rings from now on.
    private func ring(_ site: inout Site) throws -> [Party] {
        var phones = try site.registered("8001", "8002")
        try phones[0].call("8002", at: &site)
        _ = try site.invite(phones[1])
        return phones
    }

    private static let transports = [TransportKind.tcp, .tls]
    private static let events = ["dialog", "presence", "message-summary"]

    @Test(arguments: transports, events)
    func afterARestartItIsToldAllThereIsWhenItRegistersAgain(
        transport: TransportKind, event: String
    ) throws {
        var site = try site(transport)
        var watcher = Watcher(transport)
        try watcher.register(&site)
        try watcher.subscribe(event, to: event == "message-summary" ? "8004" : "8002", &site)
        _ = try watcher.told(&site)
        for port in [40_002, 40_003] {
            let sent = site.sentOn.count
            try site.crash(.process(.seconds(5)))
            site.pass(.seconds(40))
            #expect(site.sentOn[sent...].allSatisfy { $0.transport == .udp })
            #expect(site.sw.subscriptions.count == 1)
            watcher.phone.endpoint = Endpoint(text: "203.0.113.9:\(port)")
            try watcher.register(&site)
            let anew = try watcher.told(&site)
            #expect(anew.text(.event) == event)
            #expect(anew.text(.subscriptionState)?.hasPrefix("active;expires=") == true)
            // Its mailbox server has said nothing.
            #expect(anew.body.isEmpty == (event == "message-summary"))
            #expect(site.said(watcher.phone.endpoint) == "")
        }
    }

    @Test(arguments: transports)
    func whatHappenedWhileItWasAwayIsToldWhenItIsBack(transport: TransportKind) throws {
        var site = try site(transport)
        var watcher = try watching(&site, transport)
        let old = watcher.phone.endpoint
        watcher.moves(to: 40_002, &site)
        var phones = try ring(&site)
        // It is not connected to: nobody listens there.
        #expect(site.said(old) == "" && site.sw.subscriptions.count == 1)
        try watcher.register(&site)
        #expect(try states(watcher.told(&site)) == ["early"])
        phones[0].remote = "<sip:8002@example.com>"
        try phones[0].cancel(at: &site)
        #expect(try states(watcher.told(&site)) == [])
    }

    @Test(arguments: transports)
    func oneThatMissedNothingIsToldNothingWhenItIsBack(transport: TransportKind) throws {
        var site = try site(transport)
        var watcher = try watching(&site, transport)
        watcher.moves(to: 40_002, &site)
        try watcher.register(&site)
        #expect(site.said(watcher.phone.endpoint) == "")
        _ = try ring(&site)
        #expect(try states(watcher.told(&site)) == ["early"])
    }

    @Test(arguments: transports)
    func aNOTIFYThatMeetsTheEndOfItsConnectionIsSentAnewByTheNext(
        transport: TransportKind
    ) throws {
        var site = try site(transport)
        var watcher = try watching(&site, transport)
        _ = try ring(&site)
        let lost = try site.next(watcher.phone.endpoint)
        watcher.moves(to: 40_002, &site)
        #expect(site.sw.subscriptions.count == 1)
        try watcher.register(&site)
        let anew = try watcher.told(&site)
        #expect(states(anew) == ["early"] && version(anew) > version(lost))
        #expect(anew.cseqNumber > lost.cseqNumber)
    }

    @Test(arguments: transports)
    func itIsSentAnewWhereThePhoneHasRegisteredBeforeTheEndIsNoticed(
        transport: TransportKind
    ) throws {
        var site = try site(transport)
        var watcher = try watching(&site, transport)
        let old = watcher
        _ = try ring(&site)
        _ = try site.next(old.phone.endpoint)
        watcher.phone.endpoint = Endpoint(text: "203.0.113.9:40002")
        try watcher.register(&site)
        #expect(site.said(watcher.phone.endpoint) == "")
        old.closes(&site)
        #expect(try states(watcher.told(&site)) == ["early"])
        #expect(site.said(watcher.phone.endpoint) == "")
    }

    @Test(arguments: [
        (id: "r", instance: "urn:uuid:1", address: "192.168.1.7:1", isKnown: true),
        (id: "anew", instance: "urn:uuid:1", address: "192.168.1.7:1", isKnown: true),
        (id: "anew", instance: "urn:uuid:2", address: "192.168.1.9:5061", isKnown: false),
        (id: "anew", instance: "", address: "192.168.1.9:5061", isKnown: true),
        (id: "anew", instance: "urn:uuid:2", address: "192.168.1.7:1", isKnown: false),
        (id: "anew", instance: "", address: "192.168.1.7:1", isKnown: false),
    ])
    func itIsKnownByItsRegistrationItsInstanceOrItsContact(
        id: String, instance: String, address: String, isKnown: Bool
    ) throws {
        var site = try site(.tls)
        var watcher = try watching(&site, .tls, instance: "urn:uuid:1")
        try site.crash(.process(.seconds(5)))
        site.pass(.seconds(2))
        watcher.phone.endpoint = Endpoint(text: "203.0.113.9:40002")
        watcher.instance = instance
        watcher.address = address
        try watcher.register(&site, id: id)
        if isKnown {
            #expect(try states(watcher.told(&site)) == [])
        } else {
            #expect(site.said(watcher.phone.endpoint) == "")
        }
        #expect(site.sw.subscriptions.count == 1)
    }

    @Test func whatItsOtherConnectionTellsIsNotTakenOver() throws {
        var site = try site(.tcp)
        var watcher = try watching(&site, .tcp, instance: "urn:uuid:1")
        var second = watcher
        second.phone.endpoint = Endpoint(text: "203.0.113.9:40002")
        try second.register(&site, id: "second")
        _ = try ring(&site)
        #expect(try states(watcher.told(&site)) == ["early"])
        #expect(site.said(second.phone.endpoint) == "")
    }

    @Test(arguments: transports)
    func oneThatSubscribesAgainNeedsNoRegistration(transport: TransportKind) throws {
        var site = try site(transport)
        var watcher = try watching(&site, transport)
        watcher.moves(to: 40_002, &site)
        _ = try ring(&site)
        site.streams[watcher.phone.endpoint] = watcher.flow
        try watcher.phone.authenticatedInside(
            "SUBSCRIBE", extra: "Event: dialog\nExpires: 600\n", site: &site)
        #expect(try site.next(watcher.phone.endpoint).status == 200)
        #expect(try states(watcher.told(&site)) == ["early"])
        // And is told when it ends it, as ever.
        watcher.moves(to: 40_003, &site)
        _ = try site.registered("8002")
        site.streams[watcher.phone.endpoint] = watcher.flow
        try watcher.phone.authenticatedInside(
            "SUBSCRIBE", extra: "Event: dialog\nExpires: 0\n", site: &site)
        #expect(try site.next(watcher.phone.endpoint).status == 200)
        let last = try site.next(watcher.phone.endpoint)
        #expect(last.text(.subscriptionState) == "terminated;reason=timeout")
        #expect(site.sw.subscriptions.count == 0)
    }

    @Test func oneThatStaysAwayEndsWithItsTime() throws {
        var site = try site(.tls)
        let watcher = try watching(&site, .tls)
        watcher.closes(&site)
        _ = try ring(&site)
        site.pass(.seconds(590))
        #expect(site.sw.subscriptions.count == 1)
        site.pass(.seconds(11))
        #expect(site.sw.subscriptions.count == 0 && site.sw.subscriptionsOfWatcher.isEmpty)
        #expect(site.said(watcher.phone.endpoint) == "")
    }

    @Test func oneThatCannotBeToldGivesItsPlaceToANewOne() throws {
        var site = try site(.tls, limit: 1)
        var watcher = try watching(&site, .tls)
        watcher.moves(to: 40_002, &site)
        watcher.address = "192.168.1.7:1"
        // Nor does one that is refused take its place.
        site.streams[watcher.phone.endpoint] = watcher.flow
        watcher.phone.callID = "refused"
        try watcher.phone.authenticated(
            "SUBSCRIBE", uri: "sip:8001@example.com", to: "<sip:8001@example.com>",
            extra: "Event: dialog\nExpires: 600\n", hasContact: false, site: &site)
        #expect(try site.next(watcher.phone.endpoint).status == 400)
        #expect(site.sw.watchers["8002"]?.count == 1)
        try watcher.subscribe("dialog", to: "8001", &site, id: "second")
        _ = try watcher.told(&site)
        #expect(site.sw.subscriptions.count == 1 && site.sw.watchers["8002"] == nil)
        // One that can be told keeps it.
        watcher.phone.callID = "third"
        try watcher.phone.authenticated(
            "SUBSCRIBE", uri: "sip:8002@example.com", to: "<sip:8002@example.com>",
            extra: "Event: dialog\nExpires: 600\n", site: &site)
        #expect(try site.next(watcher.phone.endpoint).status == 503)
    }

    @Test(arguments: transports)
    func onAConnectionThatIsOpenSilenceEndsIt(transport: TransportKind) throws {
        var site = try site(transport)
        let watcher = try watching(&site, transport)
        _ = try ring(&site)
        #expect(try site.next(watcher.phone.endpoint).method == .notify)
        site.pass(.seconds(33))
        #expect(site.sw.subscriptions.count == 0)
    }

    @Test func aPhoneByUDPWhoseNATHasGivenItAnotherPortIsToldThere() throws {
        var site = try Site()
        var watcher = Watcher(.udp)
        try watcher.register(&site)
        try watcher.subscribe("dialog", to: "8002", &site)
        _ = try watcher.told(&site)
        watcher.phone.endpoint = Endpoint(text: "203.0.113.9:40002")
        try watcher.register(&site)
        _ = try ring(&site)
        #expect(try states(watcher.told(&site)) == ["early"])
    }

    @Test func whatAnOlderVersionHasStoredIsRead() throws {
        var site = try site(.tls)
        _ = try watching(&site, .tls, instance: "urn:uuid:1")
        let stored = site.commits.flatMap(\.changes).compactMap { change in
            if case .subscriptionSaved(let stored) = change { stored } else { nil }
        }
        let last = try #require(stored.last)
        let now = site.now + .seconds(600)
        let known = try #require(Subscription(last, expiresAt: now))
        #expect(known.phone.registration == Array("r-8004".utf8))
        #expect(known.phone.instance == Array("<urn:uuid:1>".utf8))
        #expect(known.package == .dialog && known.watched == "8002")
        // Without the id of its event, then without what tells the phone, and, of a lamp, without its
        // package.
        let id = 8
        let phone = id + 16 + known.phone.registration.count + known.phone.instance.count
        for count in [id, phone, phone + 8 + "dialog".utf8.count] {
            var older = last
            older.state.removeLast(count)
            let read = try #require(Subscription(older, expiresAt: now))
            #expect(read.package == .dialog && read.eventID.isEmpty)
            #expect(read.phone == (count == id ? known.phone : Subscription.Phone()))
            #expect(read.watcher == "8004" && read.flow == known.flow)
        }
        var broken = last
        broken.state.removeLast(3)
        #expect(Subscription(broken, expiresAt: now) == nil)
    }
}
