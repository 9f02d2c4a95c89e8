import Charging
import SIP
import Testing

@testable import Switching

/// What an operator asks and orders.
@Suite struct ControlTests {
    private func topUp(_ site: inout Site) throws -> MoneyChange {
        site.diskIsQuick = false
        let change = MoneyChange(
            id: "t1", account: "a", amount: try #require(Amount("5")), note: "cash")
        #expect(site.request(.accountToppedUp(change)) == nil)
        return change
    }

    @Test func aTopUpThatWaitsWhenTheDiskBeginsToFailIsAnsweredAndMadeOnce() throws {
        var site = try Site()
        let change = try topUp(&site)
        site.handle(.commitFailed(through: site.sw.lastTicket, reason: "disk full"))
        guard case .refused(let why)? = site.replies.last else {
            Issue.record("no answer")
            return
        }
        #expect(why.hasPrefix("not known yet") && why.contains("disk full"))
        // It is in line: the disk takes it, nobody is answered again, and it is there once.
        site.settle()
        #expect(site.replies.count == 1)
        guard case .done(let again)? = site.request(.accountToppedUp(change)) else {
            Issue.record("no answer")
            return
        }
        #expect(again.contains("done before") && site.postings.count == 1)
        #expect(site.sw.ledger.account("a")?.balance == Amount("105"))
    }

    @Test func aTopUpIsAnsweredInTenSecondsWhateverTheDiskDoes() throws {
        var site = try Site()
        _ = try topUp(&site)
        site.pass(.milliseconds(9900))
        #expect(site.replies.isEmpty)
        site.pass(.milliseconds(200))
        guard case .refused(let why)? = site.replies.last else {
            Issue.record("no answer")
            return
        }
        #expect(why.hasPrefix("not known yet") && why.contains("slow"))
        site.settle()
        #expect(site.replies.count == 1 && site.postings.count == 1)
    }

    @Test func aTopUpIsAnsweredWhenItIsDurableAndNeverDoneTwice() throws {
        var site = try Site()
        site.diskIsQuick = false
        let change = MoneyChange(
            id: "t1", account: "a", amount: try #require(Amount("5")), note: "cash")
        #expect(site.request(.accountToppedUp(change)) == nil)
        site.settle()
        guard case .done(let text)? = site.replies.last else {
            Issue.record("no answer")
            return
        }
        #expect(text == "account a topped up by 5.000000, balance 105.000000")
        site.diskIsQuick = true
        guard case .done(let again)? = site.request(.accountToppedUp(change)) else {
            Issue.record("no answer")
            return
        }
        #expect(again.contains("done before"))
        #expect(site.sw.ledger.account("a")?.balance == Amount("105"))
        #expect(site.postings.count == 1)
    }

    @Test func aBadImportChangesNothingAndNamesEveryBadRow() throws {
        var site = try Site()
        let reply = site.request(
            .extensionsChanged([
                ExtensionChange(number: "8010", password: "secret8010", level: "city"),
                ExtensionChange(number: "9999", password: "secret9999", level: "city"),
                ExtensionChange(number: "8011", password: "secret8011", level: "citty"),
                ExtensionChange(number: "8012", level: "city"),
            ]))
        guard case .refused(let text)? = reply else {
            Issue.record("it was not refused")
            return
        }
        #expect(text.contains("9999 is not among") && text.contains("no level citty"))
        #expect(text.contains("8012 is new and needs a password"))
        #expect(site.sw.extensions["8010"] == nil && site.commits.isEmpty)
    }

    @Test func aNewExtensionCanRegisterAtOnce() throws {
        var site = try Site()
        guard
            case .done? = site.request(
                .extensionsChanged([
                    ExtensionChange(
                        number: "8010", name: "New", password: "secret8010", level: "city",
                        account: "a")
                ]))
        else {
            Issue.record("it was refused")
            return
        }
        _ = try site.registered("8010")
        guard case .extensions(let rows)? = site.request(.extensionShown(number: "8010")) else {
            Issue.record("it is not shown")
            return
        }
        #expect(rows.first?.registered == 1 && rows.first?.line == "66778010")
    }

    @Test func aRemovedExtensionLosesItsPhones() throws {
        var site = try Site()
        _ = try site.registered("8001")
        guard case .done? = site.request(.extensionRemoved(number: "8001")) else {
            Issue.record("it was refused")
            return
        }
        #expect(site.sw.registrar.count == 0 && site.sw.extensions["8001"] == nil)
    }

    @Test func anOperatorHangsUp() throws {
        var site = try Site()
        var phones = try site.registered("8001", "8002")
        try site.connected(&phones)
        guard case .calls(let rows)? = site.request(.calls), let row = rows.first else {
            Issue.record("no calls are shown")
            return
        }
        #expect(row.call == "1-1" && row.state == "connected" && row.route == "8002")
        guard case .done? = site.request(.hungUp(call: "1-1")) else {
            Issue.record("it was refused")
            return
        }
        #expect(site.said(phones[0].endpoint) == "BYE" && site.said(phones[1].endpoint) == "BYE")
        #expect(site.records.first?.endReason == "Hung up by the operator")
    }

    @Test func explainSaysWhatTheCallWouldDo() throws {
        var site = try Site()
        let question = Explanation.Question(from: "8001", dial: "02088886666", down: ["ip-e1"])
        guard case .explanation(let explanation)? = site.request(.explained(question)) else {
            Issue.record("no explanation")
            return
        }
        #expect(explanation.outcome == "route" && explanation.numberClass == "national")
        #expect(explanation.routes.contains { $0.hasPrefix("ip-e1 (down)") })
        #expect(!explanation.steps.isEmpty)
    }

    @Test func aReloadKeepsRunningCallsAndTheirDecision() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        let before = site.sw.plan.version
        let changed = try Site.compiledPlan(
            Site.plan.replacing(
                "level country  may city + national", with: "level country may city"))
        var settings = Site.settings()
        settings.trunks.removeFirst()
        site.handle(.configured(Configuration(settings: settings, plan: changed)))
        #expect(site.sw.plan.version != before && site.sw.calls.count == 1)
        phone.send("BYE", at: &site)
        #expect(site.records.first?.dialplanVersion == before)
        #expect(site.records.first?.charge == Amount("0.07"))
        #expect(site.said(phone.endpoint) == "200")
        try phone.call("02088886666", at: &site, id: "2")
        #expect(site.said(phone.endpoint).hasSuffix("403"))
    }

    @Test func aTrunkThatLeavesAndReturnsUnderACallCountsItsChannels() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        let plan = site.sw.plan
        var without = Site.settings()
        without.trunks.removeFirst()
        site.handle(.configured(Configuration(settings: without, plan: plan)))
        site.handle(.configured(Configuration(settings: Site.settings(), plan: plan)))
        #expect(site.sw.trunks["ip-e1"]?.channelsInUse == 1)
        phone.send("BYE", at: &site)
        #expect(site.sw.trunks["ip-e1"]?.channelsInUse == 0)
    }

    @Test func aReloadCountsTheChannelsOfOtherSettingsAndKeepsThoseOfTheSame() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        var gateway = Party.e1
        try site.connected(&phone, dials: "02088886666", through: &gateway)
        let plan = site.sw.plan
        var settings = Site.settings()
        // The reserve and the order of hunting are no other channels; their number is.
        settings.trunks[0].hunting = .highestFirst
        settings.trunks[0].reservedChannels = [30]
        for channels in [30, 30, 10, 31] {
            settings.trunks[0].channels = channels
            site.handle(.configured(Configuration(settings: settings, plan: plan)))
            let trunk = site.sw.trunks["ip-e1"]
            #expect(trunk?.channelsInUse == 1 && trunk?.channels.takenNumbers == [1])
            #expect(trunk?.channels.count == channels)
        }
        phone.send("BYE", at: &site)
        #expect(site.sw.trunks["ip-e1"]?.channelsInUse == 0)
        #expect(site.sw.trunks["ip-e1"]?.channels.takenNumbers == [])
    }

    @Test func aCallUnderWayIsExplainedAsItsRecordWillBe() throws {
        var site = try Site()
        var phone = try site.registered("8001")[0]
        func explained(_ call: String) -> (record: CallRecord, state: String)? {
            guard
                case .runningCall(let record, let state)? = site.request(
                    .callExplained(call: call))
            else { return nil }
            return (record, state)
        }
        try phone.call("02088886666", at: &site)
        let id = try #require(site.sw.callHandles.keys.first).description
        let early = try #require(explained(id))
        #expect(early.record.attempts.map(\.route) == ["ip-e1"] && early.record.answeredAt == nil)
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 200, at: &site)
        site.pass(.seconds(5))
        let later = try #require(explained(id))
        #expect(later.record.billedMs == 5000 && later.record.disposition == nil)
        #expect(early.state != later.state)
        phone.acknowledge(try #require(site.all(phone.endpoint).last), at: &site)
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(!record.explanation.isEmpty && record.explanation == later.record.explanation)
        #expect(record.explanation == early.record.explanation)
        #expect(explained(id) == nil && explained("yesterday") == nil)
    }

    @Test func theSameEventsGiveTheSameBytes() throws {
        func run() throws -> [[UInt8]] {
            var site = try Site()
            var phones = try site.registered("8001", "8002")
            try phones[0].call("8002", at: &site)
            let invite = try site.next(phones[1].endpoint)
            phones[1].answer(invite, 180, at: &site)
            return [invite.bytes] + site.all(phones[0].endpoint).map(\.bytes)
        }
        #expect(try run() == run())
    }
}
