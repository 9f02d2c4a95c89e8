import Charging
import SIP
import Switching
import Testing

@testable import Simulation

/// Failures that were read in other systems, each as it happened there, and what happens here.
@Suite struct ScenarioTests {
    // MARK: Spending what is not there

    /// Elsewhere: a heartbeat debits what was used, so the last interval is on the house.
    @Test func aCallIsCutAtTheMillisecondItsMoneyEnds() throws {
        let scenario = try Scenario(balance: "0.15")
        let call = scenario.call()
        scenario.wait(.seconds(60))
        #expect(scenario.running == 0)
        #expect(scenario.lasted(call) == 12_000)
        #expect(scenario.charges == ["0.14"] && scenario.balance == "0.01")
        scenario.end()
    }

    /// Elsewhere: each of ten calls is told at its start how long the balance lasts.
    @Test func callsAtOnceShareOneBalance() throws {
        let scenario = try Scenario(balance: "1.00")
        for index in 0..<9 { scenario.call(from: index) }
        scenario.wait(.seconds(3))
        #expect(scenario.running == 3)
        scenario.wait(.seconds(600))
        #expect(scenario.running == 0)
        // 14 steps of 0.07 are paid for, in whatever order they were held.
        #expect(scenario.balance == "0.02")
        scenario.end()
    }

    /// Elsewhere: the fee is taken when the call is answered, whatever is left.
    @Test func aConnectFeeThatIsNotThereIsNotTaken() throws {
        let scenario = try Scenario(balance: "0.29")
        scenario.call("46677889")
        scenario.wait(.seconds(10))
        #expect(scenario.running == 0 && scenario.charges == [] && scenario.balance == "0.29")
        scenario.end()
    }

    /// Elsewhere: a top-up is seen by the next call only.
    @Test func aTopUpInTheLastSecondKeepsTheCall() throws {
        let scenario = try Scenario(balance: "0.14")
        let call = scenario.call()
        scenario.wait(.seconds(12))
        scenario.world.change(
            Scenario.payer, by: try #require(Amount("0.07")), isTopUp: true)
        scenario.wait(.seconds(60))
        #expect(scenario.lasted(call) == 18_000)
        #expect(scenario.charges == ["0.21"] && scenario.balance == "0.00")
        scenario.end()
    }

    // MARK: Crashes

    /// Elsewhere: calls are charged by a process that keeps them in its memory alone; or a restart
    /// charges again from the answer.
    @Test func aCallOverTwoRestartsIsChargedOnceForItsWholeLength() throws {
        let scenario = try Scenario(balance: "10")
        let call = scenario.call()
        for _ in 1...2 {
            scenario.wait(.seconds(20))
            scenario.world.crash(outage: .seconds(3))
        }
        scenario.wait(.seconds(20))
        scenario.hangUp()
        scenario.wait(.seconds(1))
        let lasted = try #require(scenario.lasted(call))
        #expect((58_500...59_500).contains(lasted))
        #expect(scenario.charges == ["0.70"] && scenario.records == 1)
        scenario.end()
    }

    /// Elsewhere: calls that were loaded after a restart run without their limit.
    @Test func theLimitOfARuleHoldsOverARestart() throws {
        let scenario = try Scenario(balance: "10")
        let call = scenario.call(from: 1)
        scenario.wait(.seconds(30))
        scenario.world.crash(outage: .seconds(2))
        scenario.wait(.seconds(60))
        #expect(scenario.running == 0 && scenario.lasted(call) == 60_000)
        scenario.end()
    }

    /// Elsewhere: paid time that ended during the outage is talked on, or the outage is charged.
    @Test func aCallWhosePaidTimeEndedWhileNobodyWatchedIsCutAtTheStart() throws {
        let scenario = try Scenario(balance: "10")
        scenario.call()
        scenario.wait(.seconds(10))
        scenario.world.crash(outage: .seconds(90))
        scenario.wait(.seconds(91))
        #expect(scenario.running == 0 && scenario.records == 1)
        // No more than was held.
        #expect(scenario.charges == ["0.35"])
        scenario.end()
    }

    /// Elsewhere: a kill between the charge and the record loses one of them, or a restart writes it
    /// once more. Here at each half millisecond around the end of a call.
    @Test(arguments: 0..<60)
    func aKillAtAnyMomentOfTheEndLeavesOneRecordAndOneCharge(step: Int) throws {
        let scenario = try Scenario(balance: "10")
        scenario.call()
        scenario.wait(.seconds(10))
        scenario.hangUp()
        scenario.wait(Instant.Span(nanoseconds: Int64(step) * 500_000))
        scenario.world.crash(outage: .milliseconds(700))
        scenario.wait(.seconds(40))
        #expect(scenario.running == 0 && scenario.records == 1)
        #expect(scenario.charges == ["0.14"] && scenario.balance == "9.86")
        scenario.end()
    }

    /// Elsewhere: the caller talks before its call is known to the disk, and nobody pays for it. Here a
    /// kill at each half millisecond around the answer.
    @Test(arguments: 0..<60)
    func aKillAtAnyMomentOfTheAnswerLeavesNoFreeCall(step: Int) throws {
        let scenario = try Scenario(balance: "10")
        let call = scenario.call()
        scenario.wait(.milliseconds(1000) + Instant.Span(nanoseconds: Int64(step) * 500_000))
        scenario.world.crash(outage: .milliseconds(700))
        scenario.wait(.seconds(20))
        let isTold = scenario.world.auditor.calls[call]?.toldAt != nil
        scenario.hangUp()
        scenario.wait(.seconds(40))
        #expect(scenario.running == 0)
        #expect(!isTold || scenario.charges.count == 1)
        scenario.end()
    }

    /// The operator hangs up a call whose answer is on a slow disk, and the process is killed while that
    /// is written: the caller is told once, that it is over or that it is answered.
    @Test(arguments: 0..<40)
    func aKillAfterACutOfAnAnswerTellsTheCallerOnce(step: Int) throws {
        let scenario = try Scenario(balance: "10")
        let call = scenario.call()
        scenario.wait(.milliseconds(1000))
        scenario.world.disk.isSlow = true
        scenario.wait(.milliseconds(60))
        let facts = try #require(scenario.world.auditor.calls[call])
        #expect(facts.answeredAt != nil && facts.toldAt == nil)
        let id = try #require(facts.call)
        scenario.world.turn(
            .requested(.hungUp(call: id.description), by: ControlToken(rawValue: .max)))
        scenario.wait(.milliseconds(100 * step))
        scenario.world.disk.isSlow = false
        scenario.world.crash(outage: .milliseconds(200))
        scenario.wait(.seconds(20))
        #expect(scenario.running == 0 && scenario.records == 1)
        scenario.end()
    }

    // MARK: The disk

    /// Elsewhere: the write fails, and the call is marked as billed.
    @Test func aChargeThatCannotBeWrittenIsWrittenLater() throws {
        let scenario = try Scenario(balance: "10")
        scenario.call()
        scenario.wait(.seconds(10))
        scenario.world.disk.isFailing = true
        scenario.hangUp()
        scenario.wait(.seconds(20))
        #expect(scenario.charges == [] && scenario.records == 0)
        scenario.world.disk.isFailing = false
        scenario.wait(.seconds(5))
        #expect(scenario.charges == ["0.14"] && scenario.records == 1)
        scenario.end()
    }

    @Test func aFullDiskStopsPaidCallsAndNoOthers() throws {
        let scenario = try Scenario(balance: "10")
        scenario.world.disk.isFailing = true
        // A call that costs something, for the switch to hear of the disk.
        scenario.call(from: 0)
        scenario.wait(.seconds(5))
        #expect(scenario.running == 0)
        scenario.call(from: 0)
        scenario.world.place(
            from: 2, to: "8003", kind: .internal, talk: .seconds(60), patience: nil)
        scenario.world.place(
            from: 4, to: "110", kind: .emergency, talk: .seconds(60), patience: nil)
        scenario.wait(.seconds(5))
        #expect(scenario.running == 2 && scenario.charges == [])
        scenario.world.disk.isFailing = false
        scenario.wait(.seconds(5))
        scenario.call(from: 0)
        scenario.wait(.seconds(5))
        #expect(scenario.running == 3)
        scenario.end()
    }

    // MARK: Clocks

    /// Elsewhere: the wall clock is set back and the call never ends, or forward and all are cut.
    @Test(arguments: [-7200, -60, 60, 7200])
    func aWallClockThatIsSetChangesNoCharge(seconds: Int) throws {
        let scenario = try Scenario(balance: "0.43")
        let call = scenario.call()
        scenario.wait(.seconds(10))
        scenario.world.stepClock(by: .seconds(seconds))
        scenario.wait(.seconds(60))
        #expect(scenario.running == 0 && scenario.lasted(call) == 36_000)
        #expect(scenario.charges == ["0.42"])
        scenario.end()
    }

    /// Elsewhere: a deadline that has passed becomes a sleep of less than nothing. Here the loop
    /// stands still for as long as a virtual machine that is moved.
    @Test func aLoopThatStoodStillCutsAtOnceAndChargesWhatWasHeld() throws {
        let scenario = try Scenario(balance: "0.38")
        scenario.call()
        scenario.wait(.seconds(10))
        scenario.world.now = scenario.world.now + .seconds(120)
        scenario.wait(.seconds(1))
        #expect(scenario.running == 0 && scenario.records == 1)
        #expect(scenario.charges == ["0.35"] && scenario.balance == "0.03")
    }

    // MARK: What peers do

    /// Elsewhere: each BYE that comes again settles the call again.
    @Test func aByeThatComesAgainChargesNothing() throws {
        let scenario = try Scenario(balance: "10", faults: [.duplication])
        for index in 0..<9 where index != 1 { scenario.call(from: index) }
        scenario.wait(.seconds(10))
        for _ in 1...4 {
            scenario.hangUp()
            scenario.wait(.seconds(3))
        }
        #expect(scenario.charges == Array(repeating: "0.14", count: 8))
        scenario.end()
    }

    /// Elsewhere: both answers of a fork are charged, or one of them talks for nothing.
    @Test func oneOfTwoAnswersIsConnectedAndCharged() throws {
        let scenario = try Scenario(balance: "10")
        scenario.gateways(.answers(after: .seconds(1), phones: 2))
        scenario.call()
        scenario.wait(.seconds(10))
        scenario.hangUp()
        scenario.wait(.seconds(5))
        #expect(scenario.charges == ["0.14"] && scenario.records == 1)
        scenario.end()
    }

    /// Elsewhere: a gateway that does not answer BYE leaves a call that nobody charges, or one that is
    /// charged for ever.
    @Test func aGatewayThatIsDeadAtTheCutChangesNothing() throws {
        let scenario = try Scenario(balance: "0.14")
        let call = scenario.call()
        scenario.wait(.seconds(5))
        scenario.gateways(are: .dead)
        scenario.wait(.seconds(60))
        #expect(scenario.running == 0 && scenario.lasted(call) == 12_000)
        #expect(scenario.charges == ["0.14"] && scenario.balance == "0.00")
        scenario.end()
    }

    /// Elsewhere: a re-INVITE is one more call, with a reservation of its own.
    @Test func aReinviteIsNoCall() throws {
        let scenario = try Scenario(balance: "10", faults: [.glare]) { site in
            for place in site.extensions.indices { site.extensions[place].callLimit = 1 }
        }
        for index in 0..<9 where index != 1 { scenario.call(from: index, talk: .seconds(20)) }
        scenario.wait(.seconds(19))
        #expect(scenario.running == 8)
        scenario.wait(.seconds(60))
        #expect(scenario.records == 8 && scenario.charges.count == 8)
        scenario.end()
    }

    /// Elsewhere: what was held for an attempt that failed, rang on or was given up stays held.
    @Test(arguments: [
        UserAgent.Manner.refuses(486), .refuses(503), .rings,
        .answers(after: .seconds(19), phones: 1),
    ])
    func aCallThatIsNeverAnsweredHoldsNothing(manner: UserAgent.Manner) throws {
        let scenario = try Scenario(balance: "10")
        scenario.gateways(manner)
        for index in 2..<9 { scenario.call(from: index, patience: .seconds(2 * index)) }
        scenario.wait(.seconds(60))
        #expect(scenario.running == 0 && scenario.reserved == "0.00" && scenario.charges == [])
        scenario.end()
    }
}
