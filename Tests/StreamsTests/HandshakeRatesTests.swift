import NIOCore
import SIP
import Testing

@testable import Streams

@Suite struct HandshakeRatesTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private static func admitted(
        _ count: Int, _ rates: inout HandshakeRates, _ address: IPAddress, at now: NIODeadline
    ) -> Int {
        (0..<count).filter { _ in rates.admits(address, rate: 10, burst: 50, now: now) }.count
    }

    @Test func asManyAsTheBurstBeginAtOnceAndThenAsManyAsTheRate() {
        var rates = HandshakeRates()
        let address = IPAddress(v4: 1)
        #expect(Self.admitted(100, &rates, address, at: Self.start) == 50)
        #expect(Self.admitted(100, &rates, address, at: Self.start + .seconds(1)) == 10)
        #expect(Self.admitted(100, &rates, address, at: Self.start + .seconds(60)) == 50)
    }

    @Test func anotherAddressNoticesNothingButAnotherOfTheSameNetworkInIPv6() {
        var rates = HandshakeRates()
        let here = IPAddress(high: 0x2001_0db8_0000_0001, low: 1)
        let beside = IPAddress(high: 0x2001_0db8_0000_0001, low: 2)
        let elsewhere = IPAddress(high: 0x2001_0db8_0000_0002, low: 1)
        #expect(Self.admitted(50, &rates, here, at: Self.start) == 50)
        #expect(Self.admitted(1, &rates, beside, at: Self.start) == 0)
        #expect(Self.admitted(1, &rates, elsewhere, at: Self.start) == 1)
    }

    @Test func nothingIsKeptOfWhoIsQuietAndNoMoreThanTheLimitOfAll() {
        var rates = HandshakeRates(limit: 100)
        for number in 0..<1_000 {
            #expect(
                Self.admitted(1, &rates, IPAddress(v4: UInt32(number)), at: Self.start) == 1)
            #expect(rates.count <= 100)
        }
        // Whoever was counted is counted on.
        #expect(Self.admitted(100, &rates, IPAddress(v4: 7), at: Self.start) == 49)
        rates.expire(now: Self.start + .seconds(5))
        #expect(rates.count == 0)
    }
}
