import Charging
import SIP
import Testing

@testable import Switching

/// What the status says is in use of each limit, and that the settings reach it.
@Suite struct TablesTests {
    private func tables(_ site: inout Site) throws -> [String: TableRow] {
        guard case .status(let row)? = site.request(.status) else {
            Issue.record("no status")
            return [:]
        }
        return Dictionary(uniqueKeysWithValues: row.tables.map { ($0.name, $0) })
    }

    @Test func whatIsInUseIsCounted() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        let quiet = try tables(&site)
        for name in ["calls", "burst-of-extension", "counted-sources"] {
            #expect(try #require(quiet[name]).used == (name == "burst-of-extension" ? 1 : 0))
        }
        try site.connected(&phones)
        site.handle(.loopMeasured(.milliseconds(60)))
        site.deliver("no SIP", from: Endpoint(text: "203.0.113.9:5060"))
        let busy = try tables(&site)
        #expect(busy["calls"]?.used == 1)
        #expect(busy["extensions"]?.used == site.sw.extensions.count)
        #expect(busy["accounts"]?.used == 2)
        #expect(busy["bindings"]?.used == 2)
        #expect(busy["contacts-of-extension"]?.used == 1)
        #expect(busy["burst-of-extension"]?.used == 2)
        #expect(busy["counted-sources"]?.used == 1)
        #expect(busy["suspects"]?.used == 1)
        #expect(try #require(busy["server-transactions"]?.used) > 0)
        #expect(try #require(busy["client-transactions"]?.used) > 0)
        for name in ["attempts", "rings", "message-bytes", "share-of-phone", "text-bytes"] {
            #expect(try #require(busy[name]).used == nil)
        }
    }

    @Test func ofWhatAnAddressMayHaveOnlyThoseAreShownThatHaveALimit() throws {
        var site = try Site()
        var phones = [
            Party("8001", Endpoint(text: "203.0.113.1:5060")),
            Party("8002", Endpoint(text: "203.0.113.2:5060")),
        ]
        for place in phones.indices { _ = try phones[place].register(at: &site) }
        // Their registrations are answered, and forgotten.
        site.pass(.seconds(60))
        for number in 0..<5 {
            var gateway = Party.pstn
            try gateway.callUnasked(
                "66778003", from: "02011112222", at: &site, id: "\(number)")
        }
        #expect(site.sw.serversOfAddress[Site.pstn.ip] == 5)
        #expect(try tables(&site)["transactions-of-address"]?.used == 0)
        try phones[0].call("8002", at: &site)
        #expect(try tables(&site)["transactions-of-address"]?.used == 1)
    }

    @Test func aQueueOfRequestsGetsShorterByItself() throws {
        var settings = Site.settings()
        settings.limits.requestsOfExtension = 10
        var site = try Site(settings: settings)
        var phone = Party.phone("8001")
        for _ in 0..<5 { _ = try phone.register(at: &site) }
        #expect(try tables(&site)["burst-of-extension"]?.used == 5)
        site.pass(.milliseconds(250))
        #expect(try tables(&site)["burst-of-extension"]?.used == 3)
        site.pass(.milliseconds(250))
        #expect(try tables(&site)["burst-of-extension"]?.used == 0)
    }

    @Test func noMoreAccountsAreOpenedThanTheFileAllows() throws {
        var settings = Site.settings()
        settings.limits.accounts = 2
        var site = try Site(settings: settings)
        func open(_ id: String) -> ControlReply? {
            site.request(.accountOpened(AccountOpening(id: id, name: id)))
        }
        guard case .refused(let reason)? = open("c") else {
            Issue.record("a third account was opened")
            return
        }
        #expect(reason.contains("accounts"))
        settings.limits.accounts = 3
        site.handle(.configured(Configuration(settings: settings, plan: site.sw.plan)))
        guard case .done? = open("c"), case .refused? = open("d") else {
            Issue.record("the limit of the new file is not in force")
            return
        }
        // What is there stays where the limit gets smaller.
        settings.limits.accounts = 1
        site.handle(.configured(Configuration(settings: settings, plan: site.sw.plan)))
        let row = try #require(try tables(&site)["accounts"])
        #expect(row.used == 3 && row.limit == 1)
    }
}
