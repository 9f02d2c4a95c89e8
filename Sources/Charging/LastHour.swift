/// What was spent in the last hour, by the monotonic clock in milliseconds.
///
/// An hour that rolls: whenever 60 minutes begin, all that was spent in them is counted together, so
/// that nothing is gained by waiting for the turn of an hour. It is counted in parts of five minutes,
/// and a part counts until all of it is over an hour old: what was spent counts for 60 minutes at
/// least and for 65 at most.
struct LastHour: Sendable {
    /// The parts of an hour, and the one that has begun.
    private static let parts = 13
    private static let partMilliseconds: Int64 = 300_000

    /// By the number of the part modulo `parts`; empty as long as nothing was spent, since most
    /// accounts and extensions spend nothing at most times.
    private var sums: [Amount] = []
    /// The number of the newest part in `sums`.
    private var last = Int64.min
    /// Of `sums`.
    private var total = Amount.zero

    private static func part(of uptime: Int64) -> Int64 {
        uptime.dividedDown(by: partMilliseconds)
    }

    private static func place(of part: Int64) -> Int {
        let remainder = Int(part % Int64(parts))
        return remainder < 0 ? remainder + parts : remainder
    }

    func total(at uptime: Int64) -> Amount {
        guard !sums.isEmpty else { return .zero }
        let now = LastHour.part(of: uptime)
        // No part is older yet than when the last one began.
        guard now > last else { return total }
        guard now - last < Int64(LastHour.parts) else { return .zero }
        var left = total
        for part in (last + 1)...now { left -= sums[LastHour.place(of: part)] }
        return left
    }

    mutating func add(_ amount: Amount, at uptime: Int64) {
        begin(LastHour.part(of: uptime))
        sums[LastHour.place(of: last)] += amount
        total += amount
    }

    /// Puts back what was spent so many milliseconds before a moment, in any order.
    mutating func restore(_ amount: Amount, spent age: Int64, before uptime: Int64) {
        begin(LastHour.part(of: uptime))
        let part = LastHour.part(of: uptime - age)
        guard last - part < Int64(LastHour.parts) else { return }
        sums[LastHour.place(of: part)] += amount
        total += amount
    }

    /// Makes a part the newest, and forgets those that are too old then.
    private mutating func begin(_ part: Int64) {
        guard !sums.isEmpty else {
            sums = [Amount](repeating: .zero, count: LastHour.parts)
            last = part
            return
        }
        guard part > last else { return }
        if part - last < Int64(LastHour.parts) {
            for next in (last + 1)...part { forget(LastHour.place(of: next)) }
        } else {
            for place in sums.indices { forget(place) }
        }
        last = part
    }

    private mutating func forget(_ place: Int) {
        total -= sums[place]
        sums[place] = .zero
    }
}
