import SIP

/// The wire between the switch and everybody else: it may lose, double, delay and reorder what it
/// carries, alone or in bursts. What arrives is whole: UDP has a checksum.
struct Network: Sendable {
    private let faults: Faults
    private var chance: Chance
    private var burstEnds = Instant(nanoseconds: 0)
    /// From here on it is a good network.
    var isCalm = false

    init(seed: UInt64, faults: Faults) {
        self.faults = faults
        chance = Chance(seed: seed, stream: .network)
    }

    /// When the copies of a datagram that is sent now arrive: one, none or two.
    mutating func arrivals(now: Instant) -> (first: Instant?, second: Instant?) {
        let first = now + .milliseconds(chance.number(in: 1...8))
        guard !isCalm else { return (first, nil) }
        if faults.contains(.bursts) {
            if now >= burstEnds, chance.happens(permille: 2) {
                burstEnds = now + .milliseconds(chance.number(in: 100...9000))
            }
            if now < burstEnds, chance.happens(permille: 900) { return (nil, nil) }
        }
        if faults.contains(.loss), chance.happens(permille: 60) { return (nil, nil) }
        var second: Instant?
        if faults.contains(.duplication), chance.happens(permille: 50) {
            second = now + .milliseconds(chance.number(in: 1...2500))
        }
        if faults.contains(.reordering), chance.happens(permille: 100) {
            return (now + .milliseconds(chance.number(in: 1...700)), second)
        }
        return (first, second)
    }
}
