import Charging
import Dialplan
import SIP
import Testing

@testable import Switching

/// PINs that are dialled together with a number.
@Suite struct PINTests {
    private func site() throws -> Site {
        try Site.withFeatures([
            "8001": { $0.pin = Site.pin("4711", of: "8001") },
            "8005": { $0.pin = Site.pin("2580", of: "8005") },
        ])
    }

    @Test func theRightPINCallsFromAnyPhoneOnTheOwnersLevelLineAndAccount() throws {
        var site = try site()
        var phone = try site.registered("8009")[0]
        try phone.call("*31*8001*4711*02088886666", at: &site)
        let invite = try site.next(Site.e1)
        #expect(invite.address(.from)?.uriView?.userUnescaped == "+8631166778001")
        var gateway = Party.e1
        gateway.answer(invite, 200, at: &site, body: Party.offer)
        phone.acknowledge(try #require(site.all(phone.endpoint).last), at: &site)
        site.pass(.seconds(6))
        phone.send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.caller == "8009" && record.dialled == "*31*8001******02088886666")
        #expect(record.callerAccount == "a" && record.charge == Amount("0.07"))
        #expect(record.words.contains { $0.contains("PIN") })
        #expect(site.isIdle)
    }

    @Test func theDigitsStandInNoRecordLogReplyOrSetting() throws {
        for dialled in [
            "*31*8001*4711*02088886666", "*31*8001*4712*02088886666", "*31*8003*4711*8002",
            "*31*8077*4711*8002", "*31*8001*4711", "*31*8001*4711*", "#33*4711",
        ] {
            var site = try site()
            var phone = try site.registered("8009")[0]
            try phone.call(dialled, at: &site)
            try phone.cancel(at: &site)
            let record = try #require(site.records.first)
            let reply = site.request(.explained(.init(from: "8009", dial: dialled)))
            for text in ["\(record)", "\(site.logs)", "\(String(describing: reply))"] {
                #expect(!text.contains("4711") && !text.contains("4712"), "\(dialled): \(text)")
            }
            #expect(site.sw.userSettings["8009"]?.lastDialled == nil)
        }
    }

    /// What goes on is the call to the number, and not the code.
    @Test func aCallByPINThatGoesOnToTheVoiceMailCarriesNoPIN() throws {
        var site = try site()
        var phones = try site.registered("8009", "8002")
        try phones[0].call("*31*8001*4711*8002", at: &site)
        phones[1].answer(try site.invite(phones[1]), 180, at: &site)
        site.pass(.seconds(16))
        let invite = try site.next(Site.voicemail)
        let text = String(decoding: invite.bytes, as: UTF8.self)
        #expect(text.hasPrefix("INVITE sip:8002@") && !text.contains("4711"))
        var voicemail = Party("voicemail", Site.voicemail)
        voicemail.answer(invite, 200, at: &site, body: Party.offer)
        phones[0].acknowledge(try #require(site.all(phones[0].endpoint).last), at: &site)
        site.pass(.seconds(2))
        phones[0].send("BYE", at: &site)
        let record = try #require(site.records.first)
        #expect(record.dialled == "*31*8001******8002" && record.normalised == "8002")
        for text in ["\(record)", "\(site.commits)", "\(site.logs)"] {
            #expect(!text.contains("4711"))
        }
    }

    /// The journal stands on the disk as long as the call lasts.
    @Test(arguments: [
        "*31*8001*4711*02088886666", "*31*8001*%34%37%31%31*02088886666",
        "%2A31%2A8001%2A4711%2A02088886666",
    ])
    func theJournalHoldsNoPINAndTheCallOutlivesACrash(dialled: String) throws {
        var site = try site()
        var phone = try site.registered("8009")[0]
        /// How many journals the disk was given, none of which may hold the PIN.
        func journals(_ site: Site) -> Int {
            let journals = site.commits.flatMap(\.changes).compactMap { change in
                if case .callRunning(let running) = change { running } else { RunningCall?.none }
            }
            for running in journals {
                let text = String(decoding: running.state, as: UTF8.self) + "\(running.record)"
                #expect(!text.contains("4711") && !text.contains("%34%37%31%31"))
            }
            return journals.count
        }
        // Killed while it rings: the caller is told by its own transaction.
        try phone.call(dialled, at: &site, id: "ringing")
        _ = try site.next(Site.e1)
        #expect(journals(site) == 1)
        _ = site.all(phone.endpoint)
        try site.crash(.process(.seconds(1)))
        let refusal = try #require(site.all(phone.endpoint).first { $0.status == 503 })
        let sent = try #require(phone.invite)
        #expect(refusal.callID.elementsEqual(sent.callID) && refusal.cseqNumber == sent.cseqNumber)
        #expect(try #require(refusal.topVia.branch).elementsEqual(sent.topVia.branch ?? []))
        _ = site.all(Site.e1)

        // Killed in the talk: both sides go on.
        try phone.call(dialled, at: &site, id: "talking")
        var gateway = Party.e1
        gateway.answer(try site.next(Site.e1), 200, at: &site, body: Party.offer)
        phone.acknowledge(try #require(site.all(phone.endpoint).last), at: &site)
        #expect(journals(site) == 2)
        try site.crash(.process(.seconds(1)))
        site.pass(.seconds(5))
        gateway.send("BYE", at: &site)
        let bye = try site.nextButCheck(phone.endpoint)
        #expect(bye.method == .bye)
        let record = try #require(site.records.last)
        #expect(record.disposition == .answered && record.charge == Amount("0.07"))
        #expect(journals(site) == 0)
    }

    @Test func wrongOnesLockOutAndTheRightOneIsNotLookedAtUntilThatIsOver() throws {
        var site = try site()
        var phone = try site.registered("8009")[0]
        for attempt in 1...3 {
            let answer = try site.code(
                "*31*8001*0000*8002", by: &phone, id: "wrong\(attempt)")
            #expect(answer.status == 403)
            #expect(answer.text(.reason)?.contains("the PIN is wrong") == true)
        }
        #expect(
            site.logs.contains {
                $0 == "3 wrong PINs of 8001 in a row: none is looked at for 900 s"
            })
        let locked = try site.code("*31*8001*4711*8002", by: &phone, id: "locked")
        #expect(locked.status == 403)
        #expect(locked.text(.reason)?.contains("too many wrong PINs") == true)
        guard case .extensions(let rows) = site.request(.extensionShown(number: "8001")) else {
            throw Unexpected(nil)
        }
        #expect(rows[0].settings.lockedOutUntil != nil)
        #expect(site.records.allSatisfy { $0.sipStatus == 403 })

        // A restart changes nothing.
        var stored = try Site.stored()
        stored.userSettings = site.sw.userSettings
        #expect(stored.userSettings["8001"]?.lockedOutUntil != nil)

        site.pass(.seconds(901))
        site.inbox = [:]
        _ = try phone.register(at: &site)
        try phone.call("*31*8001*4711*02088886666", at: &site, id: "right")
        #expect(try site.next(Site.e1).method == .invite)
        #expect(site.sw.userSettings["8001"]?.wrongPINs == 0)
    }

    @Test func aRightOneBetweenWrongOnesBeginsTheCountAnew() throws {
        var site = try site()
        var phone = try site.registered("8009")[0]
        for (place, pin) in ["0000", "0000", "4711", "0000", "0000"].enumerated() {
            site.inbox = [:]
            try phone.call("*31*8001*\(pin)*8002", at: &site, id: "\(place)")
        }
        #expect(site.sw.userSettings["8001"]?.wrongPINs == 2)
        #expect(site.sw.userSettings["8001"]?.lockedOutUntil == nil)
    }

    @Test func aNewPINEndsTheLockOut() throws {
        var site = try Site.withFeatures([
            "8001": {
                $0.pin = Site.pin("4711", of: "8001")
                $0.lockedOutUntil = .max
            }
        ])
        var change = SettingsChange()
        change.pin = "1234"
        _ = site.request(
            .extensionsChanged([ExtensionChange(number: "8001", settings: change)]))
        #expect(site.sw.userSettings["8001"]?.lockedOutUntil == nil)
    }

    @Test func aRuleThatAsksForAPINSaysHowToDialIt() throws {
        var site = try site()
        var phone = try site.registered("8005")[0]
        let answer = try site.code("13812345678", by: &phone)
        #expect(answer.status == 484)
        #expect(
            answer.text(.reason)?.contains(
                "rule guarded asks for the PIN of 8005: dial it together with the number") == true)
        try phone.call("*31*8005*2580*13812345678", at: &site, id: "pin")
        #expect(try site.next(Site.e1).method == .invite)
    }

    @Test func aLockedPhoneIsUnlockedByItsPIN() throws {
        var site = try site()
        var phone = try site.registered("8005")[0]
        #expect(try site.code("*33", by: &phone, id: "1").phrase == "The phone is locked")
        #expect(try site.code("02088886666", by: &phone, id: "2").status == 403)
        #expect(try site.code("#33*0000", by: &phone, id: "3").status == 403)
        #expect(try site.code("#33*2580", by: &phone, id: "4").phrase == "The phone is unlocked")
        try phone.call("02088886666", at: &site, id: "5")
        #expect(try site.next(Site.e1).method == .invite)
    }

    /// Whoever finds it could else forward it, and then call it.
    @Test func aLockedPhoneForwardsNowhereItMayNotCall() throws {
        var site = try Site.withFeatures(["8005": { $0.isLocked = true }])
        var phones = try site.registered("8005", "8001")
        for (place, code) in ["*21*", "*67*", "*61*", "*62*"].enumerated() {
            let outside = try site.code(code + "02088886666", by: &phones[0], id: "o\(place)")
            #expect(outside.status == 403)
            let inside = try site.code(code + "8001", by: &phones[0], id: "i\(place)")
            #expect(inside.status == 487)
            let off = "#" + code.dropFirst().dropLast()
            #expect(try site.code(String(off), by: &phones[0], id: "f\(place)").status == 487)
        }
        // Nor by the phone's own forwarding.
        _ = site.all(phones[0].endpoint)
        try phones[1].call("8005", at: &site)
        phones[0].answer(
            try site.invite(phones[0]), 302, at: &site,
            extra: "Contact: <sip:02088886666@example.com>\n")
        #expect(site.said(phones[1].endpoint) == "100 403")
        #expect(site.records.last?.words.contains { $0.contains("is locked") } == true)
    }

    @Test func aPhoneThatNoPINCouldUnlockIsNotLocked() throws {
        var site = try Site.withFeatures()
        var phone = try site.registered("8005")[0]
        let answer = try site.code("*33", by: &phone)
        #expect(answer.status == 403 && answer.text(.reason)?.contains("has no PIN") == true)
        #expect(site.sw.userSettings["8005"]?.isLocked != true)
    }

    @Test func aLockedPhoneStillCallsForHelp() throws {
        var site = try Site.withFeatures(["8005": { $0.isLocked = true }])
        var phone = try site.registered("8005")[0]
        try phone.call("*31*8005*0000*110", at: &site)
        #expect(site.records.isEmpty && site.sw.calls.count == 1)
        #expect(try site.next(Site.pstn).method == .invite)
    }
}
