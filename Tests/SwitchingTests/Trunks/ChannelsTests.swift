import SIP
import Testing

@testable import Switching

/// Which channel a call takes.
@Suite struct ChannelsTests {
    private func channels(
        _ hunting: Hunting, _ count: Int = 5, blocked: Set<Int> = [], reserved: Set<Int> = [],
        kind: TrunkSettings.Kind = .e1
    ) -> Channels {
        var settings = TrunkSettings(
            name: "t", kind: kind, endpoint: Site.e1, channels: count)
        settings.hunting = hunting
        settings.blockedChannels = blocked
        settings.reservedChannels = reserved
        return Channels(settings)
    }

    /// A macro cannot see a mutating call.
    private func expect(
        _ seizure: Channels.Seizure, _ expected: Channels.Seizure,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(seizure == expected, sourceLocation: sourceLocation)
    }

    @Test(arguments: [
        (Hunting.lowestFirst, [1, 2, 3, 2]), (.highestFirst, [5, 4, 3, 4]),
        (.cyclic, [1, 2, 3, 4]),
    ])
    func callsHuntInTheNamedOrder(hunting: Hunting, expected: [Int]) {
        var channels = channels(hunting)
        var taken: [Int] = []
        for place in 0..<4 {
            guard case .taken(let number?) = channels.seize(isEmergency: false) else { break }
            taken.append(number)
            // The second and third call end before the fourth begins.
            if place == 2 { channels.free(taken[1]) }
        }
        #expect(taken == expected)
    }

    @Test func theOtherSideHuntsFromItsOwnEnd() {
        var channels = channels(.lowestFirst)
        expect(channels.seize(isEmergency: false), .taken(1))
        expect(channels.seizeInbound(), .taken(5))
        expect(channels.seize(isEmergency: false), .taken(2))
        #expect(channels.takenNumbers == [1, 2, 5] && channels.inUse == 3)
    }

    @Test func blockedChannelsAreTakenByNobody() {
        var channels = channels(.lowestFirst, 3, blocked: [1, 3])
        expect(channels.seize(isEmergency: true), .taken(2))
        expect(channels.seize(isEmergency: true), .allTaken)
        expect(channels.seizeInbound(), .allTaken)
        #expect(channels.usable == 1)
    }

    @Test func onlyAnEmergencyCallTakesFromTheReserve() {
        var channels = channels(.lowestFirst, 3, reserved: [1, 2])
        expect(channels.seize(isEmergency: false), .taken(3))
        expect(channels.seize(isEmergency: false), .onlyReserved)
        expect(channels.seize(isEmergency: true), .taken(1))
        expect(channels.seize(isEmergency: true), .taken(2))
        expect(channels.seize(isEmergency: false), .allTaken)
    }

    @Test func callsAboveTheLimitKeepNoFreeChannelFromACallForHelp() {
        var channels = channels(.lowestFirst, 3)
        for number in [11, 12, 13] { channels.occupy(number) }
        #expect(!channels.hasFree(isEmergency: false) && channels.hasFree(isEmergency: true))
        expect(channels.seize(isEmergency: false), .allTaken)
        expect(channels.seize(isEmergency: true), .taken(1))
    }

    @Test func callsInThatNobodyCanPlaceEatNoReserve() {
        var channels = channels(.lowestFirst, 4, reserved: [3, 4])
        expect(channels.seizeInbound(), .taken(2))
        expect(channels.seizeInbound(), .taken(1))
        expect(channels.seize(isEmergency: true), .taken(3))
        // The line is as good as full: who calls in has a channel all the same.
        expect(channels.seizeInbound(), .taken(4))
        expect(channels.seizeInbound(), .allTaken)
    }

    @Test func allOf130ChannelsAreTakenInTheirOrder() {
        let free = (1...130).filter { ![64, 65, 130].contains($0) }
        for (hunting, order) in [
            (Hunting.lowestFirst, free), (.highestFirst, free.reversed()), (.cyclic, free),
        ] {
            var channels = channels(hunting, 130, blocked: [64, 65, 130])
            for number in order { expect(channels.seize(isEmergency: false), .taken(number)) }
            expect(channels.seize(isEmergency: false), .allTaken)
            #expect(channels.takenNumbers == free && channels.usable == 127)
            channels.free(66)
            expect(channels.seize(isEmergency: false), .taken(66))
        }
    }

    @Test func aChannelOfAGlareIsAvoided() {
        var channels = channels(.lowestFirst)
        expect(channels.seize(isEmergency: false, avoiding: 1), .taken(2))
    }

    @Test func aSIPTrunkCountsWithoutNumbers() {
        var channels = channels(.lowestFirst, 2, kind: .sip)
        expect(channels.seize(isEmergency: false), .taken(nil))
        expect(channels.seizeInbound(), .taken(nil))
        expect(channels.seize(isEmergency: false), .allTaken)
        expect(channels.seizeInbound(), .allTaken)
        expect(channels.seize(isEmergency: true), .taken(nil))
        channels.free(nil)
        channels.free(nil)
        expect(channels.seize(isEmergency: false), .taken(nil))
        #expect(channels.takenNumbers.isEmpty)
    }

    @Test func callsThatWentBeyondANewLimitAreStillGivenBack() {
        var channels = channels(.lowestFirst, 2)
        for number in 1...4 { channels.occupy(number) }
        #expect(channels.inUse == 4)
        expect(channels.seize(isEmergency: false), .allTaken)
        for number in 1...4 { channels.free(number) }
        #expect(channels.inUse == 0)
        expect(channels.seize(isEmergency: false), .taken(1))
    }

    @Test func aChannelThatAReloadTookAwayIsStillTakenWhenItComesBack() {
        var settings = TrunkSettings(name: "t", kind: .e1, endpoint: Site.e1, channels: 30)
        var channels = Channels(settings)
        channels.occupy(20)
        settings.channels = 10
        channels = channels.reconfigured(settings)
        #expect(channels.inUse == 1 && channels.count == 10)
        expect(channels.seizeInbound(named: 20), .taken(10))
        settings.channels = 30
        channels = channels.reconfigured(settings)
        #expect(channels.takenNumbers == [10, 20] && channels.inUse == 2)
        expect(channels.seizeInbound(named: 20), .taken(30))
        channels.free(20)
        expect(channels.seizeInbound(named: 20), .taken(20))
    }

    @Test func callsOfBeforeAReloadCountWhereTheyHaveNoNumber() {
        var settings = TrunkSettings(name: "t", kind: .sip, endpoint: Site.e1, channels: 2)
        var channels = Channels(settings)
        expect(channels.seize(isEmergency: false), .taken(nil))
        settings.kind = .e1
        channels = channels.reconfigured(settings)
        expect(channels.seize(isEmergency: false), .taken(1))
        expect(channels.seize(isEmergency: false), .allTaken)
        channels.free(nil)
        expect(channels.seize(isEmergency: false), .taken(2))
    }

    @Test func noMoreCallsASecondThanSet() {
        var rate = CallRate(limit: 3)
        let times = [0, 100, 200, 300, 999, 1000, 1050, 1100, 1200, 1300]
        var admitted: [Int] = []
        for time in times where rate.admits(now: Instant(nanoseconds: Int64(time) * 1_000_000)) {
            admitted.append(time)
        }
        #expect(admitted == [0, 100, 200, 1000, 1100, 1200])
        var unlimited = CallRate(limit: 0)
        for _ in 0..<1000 {
            let isAdmitted = unlimited.admits(now: Instant(nanoseconds: 0))
            #expect(isAdmitted)
        }
    }

    @Test func theOtherSidesOwnChannelIsBelieved() {
        var channels = channels(.lowestFirst)
        expect(channels.seizeInbound(named: 2), .taken(2))
        #expect(channels.takenNumbers == [2])
        // One that is in use here, or none that there is, is guessed.
        expect(channels.seizeInbound(named: 2), .taken(5))
        expect(channels.seizeInbound(named: 31), .taken(4))
        expect(channels.seizeInbound(named: 0), .taken(3))
        #expect(channels.inUse == 4)
    }
}
