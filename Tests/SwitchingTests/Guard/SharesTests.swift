import SIP
import Testing

@testable import Switching

@Suite struct SharesTests {
    private var shares = Shares()
    private let settings = OverloadSettings()
    private static let phone = Endpoint(text: "192.0.2.7:5060")

    private mutating func measured(_ milliseconds: Int, times: Int = 1) {
        for _ in 0..<times { shares.measured(.milliseconds(milliseconds), settings: settings) }
    }

    /// How many of so many datagrams are read.
    private mutating func read(
        of count: Int, from source: Endpoint = phone, cost: Int = 1, share: Int = 100
    ) -> Int {
        var read = 0
        for _ in 0..<count
        where shares.verdict(on: source, cost: cost, share: share) == .read { read += 1 }
        return read
    }

    @Test mutating func thereAreNoneWhileTheLoopKeepsUp() {
        measured(50, times: 100)
        #expect(!shares.isInForce)
        measured(51)
        #expect(shares.isInForce)
    }

    @Test mutating func everySourceHasItsOwnInEachInterval() {
        measured(60)
        #expect(read(of: 300) == 100)
        #expect(read(of: 300, from: Endpoint(text: "192.0.2.7:5061"), share: 250) == 250)
        #expect(read(of: 300) == 0)
        measured(10)
        #expect(read(of: 300) == 100)
    }

    @Test mutating func whereTheLoopStaysBehindTheyAreHalf() {
        measured(60)
        for _ in 0..<10 {
            measured(60)
            #expect(read(of: 300) == 50)
            #expect(read(of: 3, from: Endpoint(text: "192.0.2.8:5060"), share: 1) == 1)
        }
        measured(10, times: Shares.patience)
        #expect(read(of: 300) == 100)
        // A delay by itself, and not one after the other.
        measured(60)
        #expect(read(of: 300) == 100)
    }

    @Test mutating func whatHasWaitedLongerIsOfMoreIntervals() {
        measured(350)
        #expect(read(of: 5_000) == 300)
        // Of what has waited since there are shares, they decide.
        measured(60_000)
        #expect(read(of: 5_000) == 50)
        measured(0, times: 7 * Shares.patience)
        #expect(!shares.isInForce)
        measured(60_000)
        #expect(read(of: 5_000) == 100 * Shares.arrearsLimit)
    }

    @Test mutating func everySecondInTimeDoublesThemUntilThereAreNone() {
        measured(60)
        for factor in [1, 2, 4, 8, 16, 32] {
            #expect(read(of: 5_000) == 100 * factor)
            measured(10, times: Shares.patience)
        }
        #expect(!shares.isInForce)
    }

    @Test mutating func theNextDelayBringsTheFirstOnesBack() {
        measured(60)
        measured(10, times: 2 * Shares.patience + 5)
        #expect(read(of: 5_000) == 400)
        measured(60)
        #expect(read(of: 5_000) == 100)
        measured(10, times: Shares.patience - 1)
        #expect(read(of: 5_000) == 100)
    }

    @Test mutating func theFirstThatIsDroppedIsToldApartOnce() {
        measured(60)
        func verdict(_ shares: inout Shares, share: Int) -> Shares.Verdict {
            shares.verdict(on: Self.phone, cost: 1, share: share)
        }
        #expect(verdict(&shares, share: 1) == .read)
        #expect(verdict(&shares, share: 1) == .dropFirst)
        #expect(verdict(&shares, share: 1) == .drop)
        measured(10)
        #expect(verdict(&shares, share: 1) == .read)
        #expect(verdict(&shares, share: 1) == .drop)
        measured(0, times: 6 * Shares.patience)
        measured(60)
        #expect(verdict(&shares, share: 1) == .read)
        #expect(verdict(&shares, share: 1) == .dropFirst)
    }

    @Test func aNewCallAndALargeDatagramCountForMore() {
        #expect(Shares.cost(of: Array("OPTIONS sip:x SIP/2.0\r\n".utf8)) == 1)
        #expect(Shares.cost(of: Array("INVITE sip:x SIP/2.0\r\n".utf8)) == Shares.ofInvite)
        #expect(Shares.cost(of: Array("INVITES".utf8)) == 1)
        #expect(Shares.cost(of: []) == 1)
        #expect(Shares.cost(of: Array(repeating: 0, count: 65_000)) == 44)
    }

    @Test mutating func theSharesOfManySourcesTakeNoMoreRoomThanTheyMay() {
        measured(60)
        for number in 0..<UInt32(20_000) {
            _ = read(of: 1, from: Endpoint(ip: IPAddress(v4: number), port: 0))
        }
        #expect(shares.count == Shares.sourceLimit)
        #expect(read(of: 200, from: Endpoint(ip: IPAddress(v4: 1), port: 0)) == 99)
        // There was no room left to count it.
        #expect(read(of: 200, from: Endpoint(ip: IPAddress(v4: 19_999), port: 0)) == 200)
        measured(60)
        #expect(shares.count == 0)
    }
}
