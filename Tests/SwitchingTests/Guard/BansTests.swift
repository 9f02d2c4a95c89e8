import SIP
import Testing

@testable import Switching

@Suite struct BansTests {
    private var bans = Bans()
    private var settings = BanSettings()
    private var now = Instant(nanoseconds: 1_000_000_000)
    private let address = IPAddress(v4: 0xcb00_7109)

    private static func numbered(_ number: Int) -> IPAddress { IPAddress(v4: UInt32(number)) }

    private mutating func guess(_ times: Int, at address: IPAddress? = nil) -> Bans.Verdict {
        var last = Bans.Verdict.none
        for _ in 0..<times {
            last = bans.offended(
                .wrongPassword, by: address ?? self.address, settings: settings, now: now)
        }
        return last
    }

    @Test mutating func theMeasureIsFullAtTheThresholdAndNotBefore() {
        #expect(guess(9) == .none)
        #expect(bans.drops(address, now: now) == false)
        #expect(guess(1) == .banned(for: .seconds(3600)))
        #expect(bans.drops(address, now: now) == true)
    }

    @Test mutating func pointsAreForgottenAtTheirRate() {
        #expect(guess(9) == .none)
        // 10 points a minute: a wrong password each minute goes on for ever.
        for _ in 0..<1000 {
            now = now + .seconds(60)
            #expect(guess(1) == .none)
        }
        #expect(guess(1) == .banned(for: .seconds(3600)))
    }

    @Test mutating func littleBitsOfTimeAreNotLost() {
        #expect(guess(9) == .none)
        for _ in 0..<100 {
            now = now + .milliseconds(600)
            _ = bans.challenged(address, settings: settings, now: now)
        }
        #expect(guess(1) == .none)
    }

    @Test mutating func aBanEndsByItself() {
        _ = guess(10)
        #expect(bans.drops(address, now: now + .seconds(3599)) == true)
        #expect(bans.drops(address, now: now + .seconds(3600)) == false)
        #expect(bans.isEmpty)
    }

    @Test mutating func eachFurtherBanIsTwiceAsLongUpToTheLongest() {
        var spans: [Int64] = []
        for _ in 0..<7 {
            guard case .banned(let span) = guess(10) else { break }
            spans.append(span.milliseconds / 3_600_000)
            now = now + span
            #expect(bans.expire(now: now) == [address])
        }
        #expect(spans == [1, 2, 4, 8, 16, 24, 24])
    }

    @Test mutating func anOfficeThatSwitchesOnAllItsPhonesIsNotBanned() {
        for _ in 0..<800 {
            #expect(bans.challenged(address, settings: settings, now: now) == .none)
        }
        for _ in 0..<800 { bans.answered(address, now: now) }
        now = now + .seconds(31)
        #expect(bans.challenged(address, settings: settings, now: now) == .none)
        #expect(bans.isEmpty)
    }

    @Test mutating func aPhoneThatNeverAnswersItsChallengeIsNotBanned() {
        for _ in 0..<10_000 {
            now = now + .seconds(10)
            #expect(bans.challenged(address, settings: settings, now: now) == .none)
        }
    }

    @Test mutating func aSlowScannerIsBannedAfterItsSecondWindow() {
        var asked = 0
        while bans.challenged(address, settings: settings, now: now) == .none, asked < 1000 {
            asked += 1
            now = now + .seconds(1)
        }
        #expect((60...120).contains(asked), "\(asked)")
    }

    @Test mutating func aFastScannerIsBannedAtOnce() {
        var asked = 0
        while bans.challenged(address, settings: settings, now: now) == .none, asked < 100_000 {
            asked += 1
        }
        #expect(asked == BanSettings.burst + 19)
    }

    @Test mutating func whoAsksMoreThanAnybodyNeedsIsBanned() {
        var asked = 0
        while bans.asked(address, settings: settings, now: now) == .none, asked < 100_000 {
            asked += 1
        }
        #expect(asked == BanSettings.burst + 19)
    }

    @Test mutating func whoAsksOnceInAWhileIsNot() {
        for _ in 0..<10_000 {
            now = now + .milliseconds(100)
            #expect(bans.asked(address, settings: settings, now: now) == .none)
        }
    }

    @Test mutating func aLiftedBanIsForgottenWithItsPoints() {
        _ = guess(10)
        #expect(bans.lift(address) == true)
        #expect(bans.lift(address) == false)
        #expect(bans.drops(address, now: now) == false)
        #expect(guess(9) == .none)
    }

    @Test mutating func aSiteInIPv6IsOneAddress() throws {
        let first = try #require(IPAddress("2001:db8:0:1::1"))
        let second = try #require(IPAddress("2001:db8:0:1:ffff::2"))
        let other = try #require(IPAddress("2001:db8:0:2::1"))
        _ = guess(5, at: first)
        #expect(guess(5, at: second) != .none)
        #expect(bans.drops(first, now: now) == true)
        #expect(bans.drops(other, now: now) == false)
        #expect(bans.list.map { Bans.shown($0.address) } == ["2001:db8:0:1::/64"])
    }

    @Test func whateverBeginsAndEndsIsToldOnceInItsOrder() {
        var bans = Bans(banLimit: 2)
        let all = (1...3).map(Self.numbered)
        for (place, address) in all.enumerated() {
            _ = bans.offended(
                .scanner, by: address, settings: settings, now: now + .seconds(place))
        }
        // The oldest makes room for the third.
        func begins(_ place: Int) -> Bans.Change {
            Bans.Change(network: all[place], until: now + .seconds(3600 + place))
        }
        func ends(_ place: Int) -> Bans.Change { Bans.Change(network: all[place], until: nil) }
        #expect(bans.takeChanges() == [begins(0), begins(1), ends(0), begins(2)])
        #expect(!bans.hasChanges)
        bans.lift(all[1])
        bans.lift(all[1])
        #expect(bans.drops(all[2], now: now + .seconds(3602)) == false)
        #expect(bans.takeChanges() == [ends(1), ends(2)])
    }

    @Test mutating func anOffenceWithoutWeightIsNone() {
        settings.weights[.wrongPassword] = 0
        #expect(guess(1000) == .none)
        #expect(bans.suspectCount == 0)
    }

    @Test mutating func nobodyIsBannedWhereBansAreOff() {
        settings.isOn = false
        #expect(guess(1000) == .none)
        #expect(bans.challenged(address, settings: settings, now: now) == .none)
        #expect(bans.suspectCount == 0)
    }

    @Test func aMillionAddressesLeaveNoMoreSuspectsThanTheLimit() {
        var bans = Bans(suspectLimit: 1_000)
        for number in 0..<100_000 {
            _ = bans.offended(
                .malformed, by: Self.numbered(number), settings: settings, now: now)
            #expect(bans.suspectCount <= 1_000)
        }
        // Who goes on offending is remembered through all of it.
        for number in 0..<100_000 {
            _ = bans.offended(
                .malformed, by: Self.numbered(number), settings: settings, now: now)
            if number % 400 == 0 {
                _ = bans.offended(.malformed, by: address, settings: settings, now: now)
            }
        }
        #expect(bans.drops(address, now: now) == true)
    }

    @Test func theOldestBanMakesRoom() {
        var bans = Bans(banLimit: 100)
        for number in 0..<150 {
            _ = bans.offended(
                .scanner, by: Self.numbered(number), settings: settings,
                now: now + .milliseconds(number))
            #expect(bans.count <= 100)
        }
        #expect(bans.drops(Self.numbered(49), now: now) == false)
        #expect(bans.drops(Self.numbered(50), now: now) == true)
        #expect(bans.list.count == 100)
    }

    @Test func bansThatAreLiftedByHandLeaveNothing() {
        var bans = Bans(banLimit: 10)
        for number in 0..<1000 {
            let address = Self.numbered(number)
            _ = bans.offended(.scanner, by: address, settings: settings, now: now)
            bans.lift(address)
        }
        #expect(bans.expire(now: now) == [])
        #expect(bans.list.isEmpty && bans.isEmpty)
    }
}
