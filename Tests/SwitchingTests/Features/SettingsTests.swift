import Dialplan
import SIP
import Testing

@testable import Switching

/// What subscribers set for themselves: changed by the admin, stored, shown, and kept from sight.
@Suite struct SettingsTests {
    private func change(
        _ site: inout Site, _ set: (inout SettingsChange) -> Void
    ) -> ControlReply? {
        var settings = SettingsChange()
        set(&settings)
        return site.request(
            .extensionsChanged([ExtensionChange(number: "8001", settings: settings)]))
    }

    private func saved(_ site: Site) -> UserSettings? {
        site.commits.flatMap(\.changes).compactMap { change in
            if case .settingsSaved("8001", let settings) = change { settings } else { nil }
        }.last
    }

    @Test func everySettingIsStoredShownAndTakenAwayAgain() throws {
        var site = try Site()
        let reply = change(&site) {
            $0.forwardAlways = "8002"
            $0.forwardBusy = "02088886666"
            $0.forwardNoAnswer = "8003"
            $0.forwardUnregistered = "8004"
            $0.doNotDisturb = true
            $0.isLocked = true
            $0.incomingLevel = "office"
            $0.presents = "4001234567, +8631166770000-+8631166770009"
            $0.speedDial = ["1": "86035566", "2": "8002"]
        }
        guard case .done = reply else { throw Unexpected(reply) }
        let stored = try #require(saved(site))
        #expect(stored.forwardAlways == "8002" && stored.forwardBusy == "02088886666")
        #expect(stored.speedDial == ["1": "86035566", "2": "8002"] && stored.isLocked)
        let plan = try #require(site.sw.planSettings(of: "8001"))
        #expect(plan.forwardNoAnswer == "8003" && plan.forwardUnregistered == "8004")
        #expect(plan.presents == ["4001234567", "+8631166770000-+8631166770009"])
        #expect(plan.doNotDisturb && plan.incomingLevel == "office" && plan.level == "country")
        guard case .extensions(let rows) = site.request(.extensionShown(number: "8001")) else {
            throw Unexpected(nil)
        }
        #expect(rows[0].settings.forwardAlways == "8002" && rows[0].settings.isLocked)

        // The same after a restart.
        var again = try Site { $0.userSettings = ["8001": stored] }
        #expect(again.sw.planSettings(of: "8001") == plan)
        _ = change(&again) {
            $0.forwardAlways = ""
            $0.forwardBusy = ""
            $0.forwardNoAnswer = ""
            $0.forwardUnregistered = ""
            $0.doNotDisturb = false
            $0.isLocked = false
            $0.incomingLevel = ""
            $0.presents = ""
            $0.speedDial = ["1": "", "2": ""]
        }
        #expect(saved(again) == UserSettings() && again.sw.userSettings["8001"] == nil)
    }

    @Test func whatCannotBePresentedIsRefused() throws {
        var site = try Site()
        for wrong in ["abc", "4001234567-4001234560", "1-2-3"] {
            guard case .refused(let why) = change(&site, { $0.presents = "400123 \(wrong)" }) else {
                throw Unexpected(nil)
            }
            #expect(why.contains("\"\(wrong)\" is no number that can be presented"))
        }
        let many = Array(repeating: "4001234567", count: UserSettings.presentsLimit + 1)
        guard case .refused(let why) = change(&site, { $0.presents = many.joined(separator: ",") })
        else { throw Unexpected(nil) }
        #expect(why.contains("20 numbers and ranges"))
    }

    @Test(
        "a phone presents to the trunk what its setting or the plan lets it",
        arguments: [
            ("4001234567", "4001234567"), ("+8631166770003", "+8631166770003"),
            ("4001234568", "+8631166778001"), ("4009999999", "4009999999"),
        ])
    func presented(wish: String, shown: String) throws {
        var site = try Site(plan: Site.plan + "\nphones 8001 presents 4009999999")
        let reply = change(&site) {
            $0.presents = "4001234567 +8631166770000-+8631166770009"
        }
        guard case .done = reply else { throw Unexpected(reply) }
        var phone = try site.registered("8001")[0]
        try phone.call(
            "02088886666", at: &site,
            extra: "P-Preferred-Identity: <sip:\(wish)@example.com>\n")
        let invite = try site.next(Site.e1)
        #expect(
            invite.text(.from)?.contains("sip:\(shown)@") == true, "\(invite.text(.from) ?? "")")
        try phone.cancel(at: &site)
    }

    @Test(arguments: ["123", "123456789", "12a4", "１２３４"])
    func aPINHasTheDigitsThatThePlanAsksFor(pin: String) throws {
        var site = try Site()
        guard case .refused(let why) = change(&site, { $0.pin = pin }) else {
            throw Unexpected(nil)
        }
        #expect(why == "8001: a PIN is 4 to 8 digits")
        #expect(site.commits.isEmpty)
    }

    @Test func whatCannotBeDialledIsRefusedAndNothingChanges() throws {
        var site = try Site()
        let reply = change(&site) {
            $0.forwardBusy = "next door"
            $0.speedDial = ["12345": "8002", "1": "x"]
        }
        guard case .refused(let why) = reply else { throw Unexpected(reply) }
        #expect(
            why.split(separator: "\n").map(String.init) == [
                "8001: forward-busy \"next door\" is no number that can be dialled",
                "8001: speed dial 1 \"x\" is no number that can be dialled",
                "8001: a speed dial entry is 1 to 4 digits, not \"12345\"",
            ])
        #expect(site.sw.userSettings.isEmpty && site.commits.isEmpty)
    }

    @Test func speedDialHasALimit() throws {
        var site = try Site()
        let many = (0...UserSettings.speedDialLimit).map { ("\($0)", "8002") }
        let reply = change(&site) {
            $0.speedDial = Dictionary(uniqueKeysWithValues: many)
        }
        guard case .refused(let why) = reply else { throw Unexpected(reply) }
        #expect(why.contains("100 speed dial entries at most"))
    }

    @Test func aPINIsSaltedAndFitsNobodyElse() throws {
        var site = try Site()
        _ = change(&site) { $0.pin = "4711" }
        let first = try #require(saved(site)?.pin)
        _ = change(&site) { $0.pin = "4711" }
        let second = try #require(saved(site)?.pin)
        #expect(first.salt != second.salt && first.hash != second.hash)
        #expect(first.matches("4711", of: "8001", hashes: Site.hashes))
        #expect(!first.matches("4711", of: "8002", hashes: Site.hashes))
        #expect(!first.matches("4712", of: "8001", hashes: Site.hashes))
        #expect(!"\(site.commits)".contains("4711"))
    }

    @Test func anExtensionThatIsRemovedTakesItsSettingsAlong() throws {
        var site = try Site()
        _ = change(&site) { $0.doNotDisturb = true }
        _ = site.request(.extensionRemoved(number: "8001"))
        #expect(site.sw.userSettings.isEmpty)
    }

    @Test(arguments: [
        ("*31*4711*02088886666", "4711", "*31******02088886666"),
        ("*333333*8001", "3333", "*33*****8001"), ("*99*4711", "4711", "*99*****"),
        ("*31*4711*4711", "4711", "*31**********"), ("*31*471112*8001", "4711", "*31*471112*8001"),
    ])
    func aPINIsMaskedWhereItEndsARunOfDigits(dialled: String, pin: String, masked: String) {
        let result = PINMask.masked(dialled, pin: pin)
        #expect(result == masked)
    }
}

struct Unexpected: Error {
    var reply: ControlReply?
    init(_ reply: ControlReply?) { self.reply = reply }
}
