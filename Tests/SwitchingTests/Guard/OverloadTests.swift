import SIP
import Testing

@testable import Switching

@Suite struct OverloadTests {
    private var overload = Overload()
    private let settings: OverloadSettings = {
        var settings = OverloadSettings()
        settings.delay = .milliseconds(100)
        settings.calm = .milliseconds(20)
        return settings
    }()

    private mutating func measured(_ milliseconds: Int) -> Overload.Change {
        overload.measured(.milliseconds(milliseconds), settings: settings)
    }

    private mutating func turnedAway(of count: Int, isKnown: Bool = true) -> Int {
        var turnedAway = 0
        for _ in 0..<count where overload.turnsAway(isKnown: isKnown) { turnedAway += 1 }
        return turnedAway
    }

    @Test mutating func nobodyIsTurnedAwayWhileTheLoopKeepsUp() {
        for milliseconds in 0...100 { #expect(measured(milliseconds) == .none) }
        #expect(turnedAway(of: 1000, isKnown: false) == 0)
    }

    @Test mutating func aDelayTurnsAGrowingShareAway() {
        #expect(measured(101) == .none)
        #expect(measured(101) == .none)
        #expect(measured(101) == .began)
        #expect(turnedAway(of: 1000, isKnown: false) == 400)
        #expect(measured(500) == .none)
        #expect(turnedAway(of: 1000, isKnown: false) == 800)
        for _ in 0..<10 { #expect(measured(101) == .none) }
        #expect(turnedAway(of: 1000) == 1000)
    }

    @Test mutating func whatIsOverBeforeTheSharesHaveTakenEffectIsNoOverload() {
        for _ in 0..<100 {
            #expect(measured(5_000) == .none)
            #expect(measured(5_000) == .none)
            #expect(measured(60) == .none)
        }
        #expect(!overload.isActive)
    }

    @Test mutating func strangersAreTurnedAwayFirst() {
        for _ in 0..<4 { _ = measured(200) }
        #expect(turnedAway(of: 1000, isKnown: false) == 800)
        #expect(turnedAway(of: 1000) == 0)
        _ = measured(200)
        #expect(turnedAway(of: 1000, isKnown: false) == 1000)
        #expect(turnedAway(of: 1000) == 200)
        _ = measured(200)
        #expect(turnedAway(of: 1000) == 600)
    }

    @Test mutating func betweenTheTwoDelaysTheShareStays() {
        for _ in 0..<4 { _ = measured(200) }
        for _ in 0..<100 { #expect(measured(50) == .none) }
        #expect(overload.share == 40)
    }

    @Test mutating func itEndsByItselfTwoSecondsAfterTheWorst() {
        for _ in 0..<100 { _ = measured(2_000) }
        var changes: [Overload.Change] = []
        for _ in 0..<20 { changes.append(measured(0)) }
        #expect(changes == Array(repeating: .none, count: 19) + [.ended])
        #expect(!overload.isActive)
        #expect(turnedAway(of: 1000, isKnown: false) == 0)
    }
}
