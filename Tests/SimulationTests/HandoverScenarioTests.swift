import Charging
import SIP
import Switching
import Testing

@testable import Simulation

/// Calls that are sent on, connected elsewhere, left waiting or deserted: who pays, and that they end.
@Suite struct HandoverScenarioTests {
    /// A call of phone 8005 that has talked for ten seconds, and its Call-ID.
    private func talking(_ scenario: Scenario) throws -> (call: Int, callID: [UInt8]) {
        let call = scenario.call(from: 5)
        scenario.wait(.seconds(11))
        return (call, try #require(scenario.world.agents[5].talkingSessions.first))
    }

    /// Elsewhere: a forwarded call is charged to whoever called, or to nobody.
    @Test func whoForwardsPaysAndTheRecordSaysSo() throws {
        let scenario = try Scenario(balance: "10") { site in
            site.forwards["8007"] = SimulatedSite.Forward(when: .always, number: "29900007")
            for place in site.accounts.indices where site.accounts[place].id == "d" {
                site.accounts[place] = Account(
                    id: "d", name: "D", balance: Amount(micros: 5_000_000))
            }
            site.extensions[7].account = "d"
        }
        let call = scenario.world.place(
            from: 5, to: "8007", kind: .internal, talk: .seconds(3600), patience: nil)
        scenario.wait(.seconds(20))
        #expect(scenario.running == 1)
        scenario.world.crash(outage: .seconds(2))
        scenario.wait(.seconds(5))
        scenario.hangUp()
        scenario.wait(.seconds(5))
        #expect(scenario.world.auditor.calls[call]?.forwardedBy == "8007")
        #expect(scenario.records == 1 && scenario.charges == [])
        let charges = scenario.world.disk.durable.postings.filter { $0.kind == .charge }
        #expect(charges.map(\.account) == ["d"])
        #expect(charges.map(\.amount) == [Amount(micros: -220_000)])
        scenario.end()
    }

    /// Elsewhere: the call that a transfer makes is free, or a kill leaves one side talking alone.
    @Test(arguments: 0..<40)
    func aKillAtAnyMomentOfATransferLeavesNoFreeCall(step: Int) throws {
        let scenario = try Scenario(balance: "10")
        let (_, callID) = try talking(scenario)
        let second = scenario.world.transfer(callID, of: 5, to: Scenario.local, kind: .outbound)
        scenario.wait(.milliseconds(60 * step))
        scenario.world.crash(outage: .milliseconds(500))
        scenario.wait(.seconds(15))
        let isJoined = scenario.running == 2
        scenario.end()
        let facts = try #require(scenario.world.auditor.calls[second])
        #expect(!isJoined || facts.isRecordedAnswered && scenario.charges.count == 2)
        #expect(scenario.charges.count >= 1)
    }

    @Test func bothCallsOfATransferArePaidByWhoMadeThem() throws {
        let scenario = try Scenario(balance: "10")
        let (first, callID) = try talking(scenario)
        let second = scenario.world.transfer(callID, of: 5, to: Scenario.local, kind: .outbound)
        scenario.wait(.seconds(15))
        // The phone has left, and both gateways talk with each other.
        #expect(scenario.running == 2 && scenario.world.agents[5].openSessions.isEmpty)
        scenario.end()
        #expect(scenario.world.auditor.calls[first]?.isRecordedAnswered == true)
        #expect(scenario.world.auditor.calls[second]?.isRecordedAnswered == true)
        #expect(scenario.charges.count == 2 && scenario.charges.contains("0.22"))
    }

    @Test func aCallThatIsLeftWaitingIsFetchedAndChargedAsBefore() throws {
        let scenario = try Scenario(balance: "10")
        let (call, callID) = try talking(scenario)
        scenario.world.park(callID, of: 5)
        scenario.wait(.seconds(5))
        #expect(scenario.world.agents[5].openSessions.isEmpty && scenario.running == 1)
        let place = try #require(scenario.world.parkedPlaces.first)
        _ = scenario.world.fetch(place)
        scenario.wait(.seconds(2))
        let talkers = scenario.world.agents.filter { !$0.talkingSessions.isEmpty }
        #expect(talkers.count == 2)
        scenario.end()
        #expect(scenario.world.auditor.calls[call]?.isRecordedAnswered == true)
        #expect(scenario.charges.count == 1)
    }

    /// Elsewhere: a call that nobody fetches waits, and is charged, for ever.
    @Test func whoParkedACallThatNobodyFetchesIsRungAndTalksAgain() throws {
        let scenario = try Scenario(balance: "10") { $0.settings.calls.parkRecall = .seconds(10) }
        let (call, callID) = try talking(scenario)
        scenario.world.park(callID, of: 5)
        scenario.wait(.seconds(15))
        // It answers after a second; the call that rings it is a record of its own, for nothing.
        #expect(scenario.world.agents[5].talkingSessions.count == 1 && scenario.running == 2)
        scenario.end()
        #expect(scenario.world.auditor.calls[call]?.isRecordedAnswered == true)
        #expect(scenario.charges.count == 1)
    }

    @Test func aCallThatNobodyWantsEndsAfterThreeRecalls() throws {
        let scenario = try Scenario(balance: "100") { $0.settings.calls.parkRecall = .seconds(10) }
        let (call, callID) = try talking(scenario)
        scenario.world.agents[5].manner = .refuses(486)
        scenario.world.park(callID, of: 5)
        scenario.wait(.seconds(45))
        #expect(
            scenario.running == 0 && scenario.world.agents.allSatisfy { $0.openSessions.isEmpty })
        let lasted = try #require(scenario.lasted(call))
        #expect((50_000...52_000).contains(lasted))
        // The call, the code that parked it, and three that rang.
        #expect(scenario.records == 5 && scenario.charges.count == 1)
        scenario.end()
    }

    /// Elsewhere: the phone that rang rings on, or a kill leaves the picker alone.
    @Test(arguments: [nil, 0, 1, 2, 4, 8, 20, 400])
    func aCallIsPickedUpAtAnotherPhone(killedAfter milliseconds: Int?) throws {
        let scenario = try Scenario(balance: "10", faults: [.pickups])
        scenario.world.agents[7].manner = .rings
        let call = scenario.world.place(
            from: 5, to: "8007", kind: .internal, talk: .seconds(3600), patience: nil)
        scenario.wait(.seconds(2))
        let rings = try #require(scenario.world.agents[7].calleesThatRing.first)
        scenario.world.pickUp(rings, of: 7, from: 3)
        if let milliseconds {
            scenario.wait(.milliseconds(20 + milliseconds))
            scenario.world.crash(outage: .milliseconds(500))
        }
        scenario.wait(.seconds(3))
        let isConnected = scenario.world.agents[3].talkingSessions.count == 1
        if milliseconds == nil {
            #expect(isConnected && scenario.running == 1)
            #expect(scenario.world.agents[5].talkingSessions.count == 1)
            #expect(scenario.world.agents[7].calleesThatRing.isEmpty)
            #expect(scenario.world.auditor.calls[call]?.connected.isEmpty == false)
        }
        scenario.end()
    }

    /// Elsewhere: a phone that has lost its power says no BYE, and its call is charged for ever.
    @Test func aDeadPhoneEndsItsCall() throws {
        let scenario = try Scenario(balance: "10") { $0.settings.calls.aliveCheck = .seconds(10) }
        let (call, callID) = try talking(scenario)
        scenario.world.vanish(callID, of: 5)
        scenario.wait(.seconds(60))
        #expect(scenario.running == 0 && scenario.records == 1)
        let lasted = try #require(scenario.lasted(call))
        #expect((10_000...54_000).contains(lasted))
        scenario.end()
    }

    /// Elsewhere: a phone that has begun anew answers OPTIONS in a call that it does not know, and is
    /// taken for one that talks.
    @Test func aPhoneThatBeginsAnewEndsItsCallWithinSeconds() throws {
        let scenario = try Scenario(balance: "10") { $0.settings.calls.aliveCheck = .seconds(600) }
        let (call, _) = try talking(scenario)
        scenario.world.reboot(5, after: .seconds(4))
        scenario.wait(.seconds(10))
        #expect(scenario.running == 0 && scenario.records == 1)
        let lasted = try #require(scenario.lasted(call))
        #expect((14_000...19_000).contains(lasted))
        scenario.end()
    }

    /// Nobody is asked here whether it is there; the phone that has died refreshed its session.
    @Test func aSessionThatNobodyRefreshesEndsItsCall() throws {
        let scenario = try Scenario(balance: "100", faults: [.sessionTimers]) {
            $0.settings.calls.aliveCheck = .zero
        }
        scenario.world.agents[5].asksForRefresh = false
        let (call, callID) = try talking(scenario)
        // It goes on for as long as the phone refreshes it.
        scenario.wait(.seconds(300))
        #expect(scenario.running == 1)
        scenario.world.vanish(callID, of: 5)
        scenario.wait(.seconds(90))
        #expect(scenario.running == 0 && scenario.records == 1)
        let lasted = try #require(scenario.lasted(call))
        // A little before the end that the phone knows of (RFC 4028 §10).
        #expect((325_000...371_000).contains(lasted))
        #expect(scenario.charges.count == 1)
        scenario.end()
    }

    /// Elsewhere: a refund that is asked for again is given again.
    @Test func aCallIsGivenBackOnce() throws {
        let scenario = try Scenario(balance: "10")
        _ = try talking(scenario)
        scenario.hangUp()
        scenario.wait(.seconds(1))
        #expect(scenario.charges == ["0.14"])
        for _ in 1...30 { scenario.world.refundACall() }
        scenario.wait(.seconds(10))
        let given = scenario.world.disk.durable.postings.filter { $0.kind == .refund }
            .reduce(Int64(0)) { $0 + $1.amount.micros }
        #expect((1...140_000).contains(given))
        scenario.end()
    }
}
