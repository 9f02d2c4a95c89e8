/// Gives equal rates one place.
struct RateTable {
    private(set) var rates: [Tariff.Rate] = []
    private var indices: [Tariff.Rate: Int32] = [:]

    mutating func index(of rate: Tariff.Rate) -> Int32 {
        if let index = indices[rate] { return index }
        let index = Int32(rates.count)
        rates.append(rate)
        indices[rate] = index
        return index
    }
}
